package io.foothold.augmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.augmentation.dial.Dial;
import io.foothold.augmentation.dial.DialCorpus;
import io.foothold.augmentation.dial.Exercise;
import io.foothold.augmentation.problems.ProblemSets;
import io.foothold.augmentation.prompt.Templates;
import io.foothold.core.problem.Problem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DialTest {
    @TempDir
    Path directory;

    /** An independent reading of a statement: what the oracle must say. */
    private static String solve(String statement) {
        String[] words = statement.substring("Dial at ".length()).split(" \\(\\d\\)");
        int mark = Integer.parseInt(words[0].strip());
        StringBuilder out = new StringBuilder("\\boxed{");
        for (int i = 1; i < words.length; i++) {
            String move = words[i].strip();
            mark = Math.floorMod(
                    move.startsWith("mirror")
                            ? Integer.parseInt(move.substring(7)) - mark
                            : mark + Integer.parseInt(move),
                    10);
            out.append(" (").append(i).append(") ").append(mark);
        }
        return out + "}<|end|>";
    }

    @Test
    void answersAreRightAndSplitsNeverMeet() {
        Set<String> train = new HashSet<>();
        for (Dial.Level level : Dial.Level.values()) {
            for (Problem p : Dial.problems(level, 200, 3, "train")) {
                assertThat(p.answer()).isEqualTo(solve(p.statement()));
                train.add(p.statement());
            }
            for (Problem p : Dial.problems(level, 200, 3, "test")) {
                assertThat(p.answer()).isEqualTo(solve(p.statement()));
                assertThat(train).doesNotContain(p.statement());
            }
        }
        assertThat(Dial.problems(Dial.Level.HARD, 5, 3, "train"))
                .isEqualTo(Dial.problems(Dial.Level.HARD, 5, 3, "train"));
        assertThat(Dial.problems(Dial.Level.HARD, 5, 4, "train"))
                .isNotEqualTo(Dial.problems(Dial.Level.HARD, 5, 3, "train"));
    }

    @Test
    void hardIsEightMirrorsOfTwentyTokensAndFiftyOne() {
        Problem p = Dial.problems(Dial.Level.HARD, 1, 3, "train").get(0);
        assertThat(p.statement().split("mirror", -1)).hasSize(9);
        String root = new Templates(Dial.ROOT_TEMPLATE, Dial.GUIDED_TEMPLATE).prompt(p, 0);
        assertThat(Dial.VOCABULARY.encode(root)).hasSize(20);
        assertThat(Dial.VOCABULARY.encode(String.join("", p.oracleThoughts()) + p.answer()))
                .hasSize(51);
        assertThat(Dial.VOCABULARY.size()).isEqualTo(38);
    }

    @Test
    void guidedPromptsHoldThePrefixAndNeverTheAnswer() {
        Problem p = Dial.problems(Dial.Level.HARD, 1, 3, "train").get(0);
        Templates templates = new Templates(Dial.ROOT_TEMPLATE, Dial.GUIDED_TEMPLATE);
        String guided = templates.prompt(p, 3);
        assertThat(guided)
                .startsWith("<|continue|>Dial at")
                .contains(p.oracleThoughts().get(2))
                .doesNotContain("boxed");
        assertThat(guided).doesNotContain(p.oracleThoughts().get(3));
        assertThatThrownBy(() -> templates.prompt(p, 8)).hasMessageContaining("would show the answer");
    }

    @Test
    void theSloppyAuthorSlipsAsOftenAsHeShould() {
        DialCorpus corpus = new DialCorpus(new DialCorpus.Settings(0.75, 0.05, 1, 0, 1), 5);
        int[] mirrors = new int[2];
        int[] turns = new int[2];
        for (int i = 0; i < 3000; i++) {
            Exercise e = corpus.next(8);
            int mark = e.prompt()[2] - 6;
            for (int k = 0; e.response()[4 * k] >= 26 && e.response()[4 * k] < 34; k++) {
                int move = e.response()[4 * k + 1] - 16;
                int claimed = e.response()[4 * k + 2] - 6;
                int right = move < 3
                        ? (mark + move + 1) % 10
                        : move < 6 ? (mark - move + 12) % 10 : (move - 6 - mark + 10) % 10;
                int[] count = move >= 6 ? mirrors : turns;
                count[0]++;
                count[1] += claimed == right ? 0 : 1;
                mark = claimed;
            }
        }
        assertThat((double) mirrors[1] / mirrors[0]).isBetween(.72, .78);
        assertThat((double) turns[1] / turns[0]).isBetween(.035, .065);
    }

    @Test
    void wrongRowsAreRefusedWithFileAndLine() throws IOException {
        assertRefused("{\"problem\": \"1+1\"}", "problems.jsonl:1: 'answer' is missing (expected a text or a number)");
        assertRefused(
                "{\"problem\": \"1+1\", \"answer\": 2}\n{\"problem\": \"x\", \"anser\": 3}",
                ":2: unknown key 'anser' (did you mean 'answer'?)");
        assertRefused(
                "{\"problem\": \"1\", \"answer\": \"1\", \"kind\": \"maths\"}",
                ":1: unknown kind 'maths' (did you mean 'math'?)");
        assertRefused("nonsense", ":1: not JSON");
        assertRefused("", "holds no problem");
        assertRefused(
                "{\"id\":\"a\",\"problem\":\"1\",\"answer\":\"1\"}\n{\"id\":\"a\",\"problem\":\"2\",\"answer\":\"2\"}",
                ":2: id 'a' appears twice");
    }

    private void assertRefused(String text, String message) throws IOException {
        Path file = directory.resolve("problems.jsonl");
        Files.writeString(file, text);
        assertThatThrownBy(() -> new ProblemSets().load(new ProblemSets.Source.Jsonl(file, "line", "")))
                .hasMessageContaining(message);
    }

    /** Who asked for more problems than there are waited for ever. */
    @Test
    void moreProblemsThanALevelHasAreRefusedWithTheirNumber() {
        assertThatThrownBy(() ->
                        new ProblemSets().load(new ProblemSets.Source.Generated("dial", "hard", 1_000_000, 3, "test")))
                .hasMessageContaining("dial, level hard has no 1000000 different problems: ")
                .hasMessageContaining("were found");
    }

    @Test
    void unknownFamiliesLevelsAndSplitsAreRefusedByName() {
        for (ProblemSets.Source source : List.of(
                new ProblemSets.Source.Generated("dail", "hard", 4, 0, "train"),
                new ProblemSets.Source.Generated("dial", "harder", 4, 0, "train"),
                new ProblemSets.Source.Generated("dial", "hard", 4, 0, "dev"))) {
            assertThatThrownBy(() -> new ProblemSets().load(source)).hasMessageContaining("unknown");
        }
    }
}
