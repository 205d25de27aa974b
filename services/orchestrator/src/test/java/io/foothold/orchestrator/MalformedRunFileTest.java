package io.foothold.orchestrator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.runfile.RunFile;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Whatever is wrong with a run file is told as invalid input, with the line. */
class MalformedRunFileTest {
    private static final String BASE = """
            method: grpo-dial
            policy: {base: p}
            problems:
              train: {family: dial, level: hard, count: 8}
              evaluate:
                hard-test: {family: dial, level: hard, count: 4, split: test}
            """;

    private static void assertRefused(String text, String message) {
        assertThatThrownBy(() -> RunFile.resolve("r.yaml", text, List.of()))
                .as(message)
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT))
                .hasMessageContaining(message);
    }

    @Test
    void formsThatNoRunFileHas() {
        assertRefused(BASE + "? [a]\n: 1\n", "r.yaml:7: a key must be a word");
        assertRefused(BASE + "? {a: b}\n: 1\n", "r.yaml:7: a key must be a word");
        assertRefused(BASE + "{updates: 3}: 1\n", "r.yaml:7");
        assertRefused(BASE + "loss: &x {ratio: *x}\n", "r.yaml:7: *x is not the name of a value above");
        assertRefused(BASE + "loss: &x\n  clip_low: *x\n", "r.yaml:8: *x is not the name of a value above");
        assertRefused(BASE + "updates: *nothing\n", "r.yaml:7: *nothing is not the name of a value above");
        assertRefused(
                BASE + "loss: " + "{a: ".repeat(60) + "1" + "}".repeat(60) + "\n", "r.yaml:7: no key lies deeper");
        assertRefused(BASE + "loss: " + "{a: ".repeat(20_000), "r.yaml:7: no key lies deeper");
        assertRefused(BASE + "loss: " + "[".repeat(20_000), "r.yaml:7: 'loss' must be a value or a mapping");
        assertRefused(BASE + "updates: !!int 3\n", "r.yaml:7: a run file has no tags");
        assertRefused(BASE + "updates: !!java.io.File [x]\n", "r.yaml:7");
        assertRefused(BASE + "loss: !own {ratio: token}\n", "r.yaml:7: a run file has no tags");
        assertRefused(BASE + "---\nupdates: 3\n", "r.yaml:7: a run file is one document");
        assertRefused("- method\n", "r.yaml:1: a run file is a mapping");
        assertRefused("just words\n", "r.yaml:1: a run file is a mapping");
        assertRefused("\"\"\n", "r.yaml:1: a run file is a mapping");
        assertRefused("", "'method' is missing");
        assertRefused(BASE + "name: \"open\n", "r.yaml:");
        assertRefused(BASE + "name: \"\\q\"\n", "r.yaml:7");
        assertRefused(BASE + "name: \"\\U7fffffff\"\n", "r.yaml:7");
        assertRefused(BASE + "%YAML 9.9\n---\n", "r.yaml:7");
    }

    @Test
    void anAliasBombIsRefusedAtItsFirstUse() {
        StringBuilder bomb = new StringBuilder(BASE + "a0: &a0 {}\n");
        for (int i = 1; i < 40; i++) {
            bomb.append("a")
                    .append(i)
                    .append(": &a")
                    .append(i)
                    .append(" {x: *a")
                    .append(i - 1);
            bomb.append(", y: *a").append(i - 1).append("}\n");
        }
        assertRefused(bomb.toString(), "r.yaml:7: 'a0' is empty");
        assertRefused(BASE + "loss: &l {ratio: token}\noptimizer: *l\n", "r.yaml:8: *l is not the name of a value");
        assertThat(RunFile.resolve("r.yaml", BASE + "updates: &n 4\ncheckpoint: {every: *n}\n", List.of())
                        .settings()
                        .checkpoint()
                        .every())
                .as("a value may be used again")
                .isEqualTo(4);
    }

    @Test
    void charactersThatNoSettingHas() {
        assertRefused(BASE + "name: a\0b\n", "r.yaml:7: the character U+0000");
        assertRefused(BASE + "name: a\u0007b\n", "r.yaml:7: the character U+0007");
        assertRefused(BASE + "name: a\u007fb\n", "r.yaml:7: the character U+007F");
        assertRefused(BASE + "name: a\ud835\n", "r.yaml:7: the character U+D835");
        assertRefused(BASE + "name: \"\\0\"\n", "r.yaml:7: 'name' holds the character U+0000");
        assertRefused(BASE + "name: \"\\a\"\n", "r.yaml:7: 'name' holds the character U+0007");
        assertRefused(BASE + "name: \"\\ud835\"\n", "r.yaml:7");
        assertThatThrownBy(() -> RunFile.resolve("r.yaml", BASE, List.of("name=a\0b")))
                .hasMessageContaining("holds the character U+0000");
        assertThat(RunFile.resolve("r.yaml", "\ufeff" + BASE, List.of()).text("method"))
                .as("a byte order mark is no part of the text")
                .isEqualTo("grpo-dial");
    }

    @Test
    void keysThatStandTwiceOrNowhere() {
        assertRefused(BASE + "updates: 3\nupdates: 4\n", "r.yaml:8: 'updates' is given twice, first at r.yaml:7");
        assertRefused(BASE + "loss: {ratio: none}\nloss.ratio: token\n", "r.yaml:8: 'loss.name' is given twice");
        assertRefused(BASE + "loss: {ratio: none, ratio: none}\n", "r.yaml:7: 'loss.name' is given twice");
        assertRefused(BASE + "loss: token\n", "r.yaml:7: 'loss' is a group of keys");
        assertRefused(BASE + "loss:\n", "r.yaml:7: 'loss' is a group of keys");
        assertRefused(BASE + "loss: {}\n", "r.yaml:7: 'loss' is empty");
        assertRefused(BASE + "'': 1\n", "r.yaml:7: unknown key ''");
        assertRefused(
                BASE + "problems.evaluate.*.family: dial\n", "r.yaml:7: evaluation set '*' must be 1 to 100 letters");
        assertRefused(BASE.replace("hard-test", "'a: b'"), "r.yaml:6: evaluation set 'a: b' must be 1 to 100 letters");
        assertRefused(BASE.replace("hard-test", "'../x'"), "r.yaml:6");
        assertRefused(BASE.replace("hard-test", "\"a\\nb\""), "r.yaml:6: evaluation set");
        assertRefused(BASE.replace("hard-test", "s".repeat(101)), "r.yaml:6: evaluation set");
    }

    @Test
    void numbersOutsideTheirRange() {
        assertRefused(
                BASE + "staleness: -5\n",
                "r.yaml:7: 'staleness' must be a whole number from 0 to 10000 policy versions");
        assertRefused(BASE + "updates: 1000000000000000000\n", "r.yaml:7: 'updates' must be a whole number from 0");
        assertRefused(BASE + "updates: 3.5\n", "r.yaml:7: 'updates' must be a whole number");
        assertRefused(BASE + "mining: {samples: 10000000000}\n", "r.yaml:7: 'mining.samples' must be a whole number");
        for (String rate : List.of("1e999", "NaN", ".nan", ".inf", "-1", "0", "1e-999", "1e9999999999", "")) {
            assertRefused(
                    BASE + "optimizer: {learning_rate: '" + rate + "'}\n",
                    "r.yaml:7: 'optimizer.learning_rate' must be a number above 0 and at most 1000, got '" + rate
                            + "'");
        }
        assertRefused(
                BASE + "optimizer: {beta1: 1}\n", "r.yaml:7: 'optimizer.beta1' must be a number from 0 and below 1");
        assertRefused(BASE + "sampling: {temperature: 0}\n", "r.yaml:7: 'sampling.temperature'");
        assertRefused(BASE + "loss: {dual_clip: 0.5}\n", "r.yaml:7: 'loss.dual_clip' must be above 1, or 0");
        assertRefused(BASE + "optimizer: {schedule: cosine}\n", "r.yaml:7: a cosine schedule needs");
        assertRefused(BASE + "updates: " + "9".repeat(100_000) + "\n", "r.yaml:7: 'updates' must be");
    }

    @Test
    void sizesThatAreTooLargeTogether() {
        assertRefused(
                BASE
                        + "staleness: 10000\nloss: {ratio: token}\nsampling: {groups_per_update: 100000, rollouts_per_group: 100000}\n",
                "r.yaml:9: (staleness + 1) * sampling.groups_per_update * sampling.rollouts_per_group");
        assertRefused(
                BASE.replace("count: 8", "count: 10000000") + "mining: {samples: 100000}\n",
                "r.yaml:7: mining.samples * problems.train.count must be at most 1000000000");
        assertRefused(
                BASE.replace("count: 4", "count: 10000000") + "evaluation: {samples: 100000}\n",
                "r.yaml:6: evaluation.samples");
        assertRefused(
                BASE
                        + "prompts: {thought_delimiter: ;}\nresets: {share: 1, seeds: 100000, suffixes: 100000, draws: 100000}\n",
                "r.yaml:8: resets.base_rollouts + resets.seeds * resets.suffixes");
        assertRefused(BASE + "tree: {branches: " + "2x".repeat(20_000) + "2}\n", "r.yaml:7: 'tree.branches'");
        assertRefused(
                BASE + "tree: {branches: 2x2}\nloss: {mask_truncated: true}\n",
                "'loss.mask_truncated' and 'tree.branches' contradict each other");
        assertRefused(BASE + "tree: {branches: 9999x9999}\n", "r.yaml:7: the leaves of 'tree.branches'");
    }

    @Test
    void mutatedExamplesAreReadOrRefused() {
        RunFileMutations mutations = RunFileMutations.ofExamples();
        int refused = 0;
        for (int number = 0; number < 1500; number++) {
            String text = mutations.text(number);
            try {
                RunFile file = RunFile.resolve("r.yaml", text, List.of());
                assertThat(RunFile.restore(file.stored()))
                        .as("mutation %d", number)
                        .isEqualTo(file);
                assertThat(RunFile.resolve("printed", file.print(), List.of()))
                        .as("mutation %d", number)
                        .isEqualTo(file);
            } catch (FootholdException e) {
                assertThat(e.code()).as("mutation %d", number).isEqualTo(ErrorCode.INVALID_INPUT);
                assertThat(e.text()).as("mutation %d", number).matches("(?s)r\\.yaml(:\\d+)?: .+");
                refused++;
            }
        }
        assertThat(refused).as("both outcomes occur").isBetween(500, 1400);
    }

    /** Linear in the length: with the quadratic reading that it had, each of these took minutes. */
    @Test
    @Timeout(60)
    void longLinesAreReadInTime() {
        int length = 4_000_000;
        assertRefused(BASE + "#" + "x".repeat(length) + "\nudpates: 3\n", "r.yaml:8: unknown key 'udpates'");
        assertRefused("x".repeat(length), "r.yaml:1: a run file is a mapping");
        assertRefused(BASE + "x".repeat(length) + ": 3\n", "r.yaml:7");
        assertRefused(BASE + "updates: " + "9".repeat(length) + "\n", "r.yaml:7");
        assertRefused(BASE + "reward: " + "x".repeat(length) + "\n", "r.yaml:7: 'reward' cannot be 'xxx");
        assertRefused(BASE + "udpates: \"" + "\\n".repeat(length / 2) + "\"\n", "r.yaml:7: unknown key");
        assertRefused(BASE + "udpates: |\n" + "  x\n".repeat(length / 4), "r.yaml:7: unknown key");
        assertRefused(BASE + "{".repeat(length), "r.yaml:7");
        assertRefused(BASE + "? ".repeat(length / 2), "r.yaml:7");
    }
}
