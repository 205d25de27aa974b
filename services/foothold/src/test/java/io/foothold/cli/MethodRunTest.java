package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.foothold.cli.demo.DialRuns;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.update.Manifest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A small whole run of every way to fill a place of an update. What each one gave is left in {@code target/method-runs}: the same
 * files before and after a change say that it changed nothing on this machine.
 */
class MethodRunTest {
    private static final int UPDATES = 3;

    @TempDir
    Path directory;

    /**
     * A run.
     *
     * @param policy a shipped one
     */
    record Arm(String name, String policy, String yaml, List<String> settings) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Arm> arms() {
        List<String> few = List.of("sampling.groups_per_update=4", "sampling.rollouts_per_group=4");
        List<String> revised = List.of(
                "sampling.groups_per_update=2",
                "sampling.rollouts_per_group=3",
                "optimizer.learning_rate=1e-3",
                "prompts.root=<|solve|>{problem}<|assistant|>",
                "revision.prompt={response}<|solve|>{problem}<|assistant|>",
                "sampling.max_tokens=36");
        return Stream.of(
                new Arm("plain", "dial", dial("grpo-dial"), few),
                new Arm("guided", "dial", dial("pope-dial"), few),
                new Arm(
                        "warm-start",
                        "dial",
                        dial("grpo-dial"),
                        with(few, "sft.epochs=2", "sft.solutions_per_step=8", "sft.learning_rate=1e-3")),
                new Arm(
                        "guided-traces",
                        "dial",
                        dial("grpo-dial"),
                        with(
                                few,
                                "sft.epochs=2",
                                "sft.solutions_per_step=8",
                                "sft.learning_rate=1e-3",
                                "sft.from=guided_traces",
                                "sft.samples=4")),
                new Arm(
                        "adapters",
                        "dial",
                        dial("pope-dial"),
                        with(
                                few,
                                "optimizer.lora.rank=4",
                                "optimizer.lora.alpha=8",
                                "optimizer.lora.targets=q_proj, down_proj")),
                new Arm("resets", "dial-jumps", jumps("srpo-jumps"), List.of()),
                new Arm(
                        "resets-with-base",
                        "dial-jumps",
                        jumps("srpo-jumps"),
                        List.of(
                                "resets.share=0.5",
                                "resets.base_rollouts=2",
                                "resets.seeds=2",
                                "resets.draws=6",
                                "resets.suffixes=3",
                                "resets.seed_rule=reference",
                                "sampling.groups_per_update=4",
                                "sampling.rollouts_per_group=4")),
                new Arm("resets-refilled", "dial-jumps", jumps("srpo-jumps"), List.of("sampling.refills=3")),
                new Arm(
                        "tree",
                        "dial-jumps",
                        jumps("spo-tree"),
                        List.of(
                                "tree.segment_tokens=42",
                                "sampling.groups_per_update=2",
                                "sampling.temperature=1",
                                "optimizer.learning_rate=1e-3",
                                "prompts.root=<|solve|>{problem}<|assistant|>")),
                new Arm(
                        "deep-tree",
                        "dial-jumps",
                        jumps("spo-tree"),
                        List.of(
                                "tree.branches=2x2x3",
                                "tree.segment_tokens=24",
                                "sampling.groups_per_update=2",
                                "sampling.temperature=1",
                                "optimizer.learning_rate=1e-3",
                                "prompts.root=<|solve|>{problem}<|assistant|>")),
                new Arm("revision", "dial-jumps", jumps("score"), revised),
                new Arm("refinement", "dial-jumps", jumps("critique-grpo"), revised),
                new Arm(
                        "refills",
                        "dial-jumps",
                        jumps("grpo-jumps"),
                        List.of("sampling.refills=5", "sampling.groups_per_update=2")));
    }

    private static String dial(String method) {
        return DialRuns.yaml(method, 3, policy("dial"), "medium", 24, "medium", 4, 1, UPDATES, 100)
                .replace("checkpoint: {every: 20, keep: 2}", "checkpoint: {every: 2, keep: 2}");
    }

    private static String jumps(String method) {
        return """
                method: %s
                seed: 4
                updates: %d
                policy: {base: %s}
                problems:
                  train: {family: dial-jumps, level: late, count: 64, seed: 3, split: train}
                  evaluate:
                    late-test: {family: dial-jumps, level: late, count: 4, seed: 3, split: test}
                evaluation: {every: 100, samples: 1}
                checkpoint: {every: 2}
                """.formatted(method, UPDATES, policy("dial-jumps"));
    }

    private static Path policy(String name) {
        return Path.of(System.getProperty("foothold.root"), "services/foothold/policies", name);
    }

    private static List<String> with(List<String> settings, String... more) {
        List<String> out = new ArrayList<>(settings);
        out.addAll(List.of(more));
        return out;
    }

    @ParameterizedTest
    @MethodSource("arms")
    void aCrashedRunEndsAsAnUninterruptedOneAndEveryRolloutHasItsEnd(Arm arm) throws Exception {
        List<String> whole;
        Path home = directory.resolve("whole");
        try (Stack stack = new Stack(home, arm.policy(), false)) {
            stack.runs.create("r", arm.yaml(), arm.settings());
            finish(stack);
            whole = updates(stack);
            assertThat(whole).hasSize(UPDATES);
            assertSound(stack);
            assertThat(stack.ledger.manifests("r"))
                    .as("learner and sampler agree to the bit on every start")
                    .allSatisfy(m ->
                            assertThat(m.metric("log_prob_difference_max", 0)).isZero());
        }
        Path out = Files.createDirectories(Path.of("target", "method-runs"));
        Files.write(out.resolve(arm.name() + ".txt"), with(whole, rollouts(home).toArray(String[]::new)));
        Path broken = directory.resolve("broken");
        try (Stack stack = new Stack(broken, arm.policy(), false)) {
            stack.runs.create("r", arm.yaml(), arm.settings());
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> !stack.ledger.manifests("r").isEmpty());
            // A crash: from here on nothing is recorded any more, whatever the services answer while they go.
            stack.ledger.close();
        }
        try (Stack stack = new Stack(broken, arm.policy(), false)) {
            stack.runs.resume("r");
            finish(stack);
            assertThat(updates(stack)).isEqualTo(whole);
            assertSound(stack);
        }
    }

    private static void finish(Stack stack) throws Exception {
        Ledger.RunRow row = stack.runs.end("r").get(120, TimeUnit.SECONDS);
        assertThat(row.state()).as(row.reason()).isEqualTo("finished");
    }

    private static void assertSound(Stack stack) {
        assertThat(stack.ledger.audit("r").sound()).isTrue();
        Map<RolloutState, Long> ends = stack.ledger.audit("r").counts();
        assertThat(ends.keySet()).allMatch(RolloutState::ended);
    }

    /** Policies and what each rollout got, without the marks that a resumed run's ids carry. */
    private static List<String> updates(Stack stack) {
        return stack.ledger.manifests("r").stream().map(MethodRunTest::text).toList();
    }

    private static String text(Manifest manifest) {
        StringBuilder out = new StringBuilder("update " + manifest.update() + " " + manifest.digest());
        manifest.rollouts().forEach(r -> out.append(' ')
                .append(r.rolloutId().replaceAll("~\\d+", ""))
                .append('=')
                .append(r.advantage()));
        return out.toString();
    }

    private static List<String> rollouts(Path home) throws SQLException {
        JdbcDataSource database = new JdbcDataSource();
        database.setURL("jdbc:h2:file:" + home.resolve("ledger"));
        List<String> out = new ArrayList<>();
        try (var connection = database.getConnection();
                var statement = connection.createStatement();
                ResultSet r = statement.executeQuery(
                        "select id, group_id, purpose, state, reason, verdict, reward, tokens from rollout order by id")) {
            while (r.next()) {
                StringBuilder line = new StringBuilder("rollout");
                for (int i = 1; i <= 8; i++) {
                    line.append(' ').append(r.getString(i));
                }
                out.add(line.toString());
            }
        }
        return out;
    }
}
