package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.report.Evaluations;
import io.foothold.cli.size.EngineSize;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.ComputeDevice;
import io.foothold.policy.Precision;
import io.foothold.v1.Verdict;
import io.foothold.v1.VerdictKind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Evaluations: that they only evaluate, and that they say what was measured. */
class EvaluationRunTest {
    @TempDir
    Path directory;

    private static final Path POLICY = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");

    private static String yaml(String train, int samples) {
        return """
                method: grpo-dial
                seed: 4
                policy: {base: %s}
                problems:
                  train: %s
                  evaluate:
                    first: {family: dial, level: easy, count: 3, seed: 3, split: test}
                    second: {family: dial, level: medium, count: 2, seed: 5, split: test}
                prompts: {root: "<|solve|>{problem}<|assistant|>"}
                sampling: {max_tokens: 8}
                evaluation: {samples: %d}
                """.formatted(POLICY, train, samples);
    }

    private static Ledger.RunRow end(Stack stack, String id) throws Exception {
        return stack.runs.end(id).get(120, TimeUnit.SECONDS);
    }

    private static JsonNode evaluation(Stack stack, String id, int index) throws Exception {
        return new ObjectMapper().readTree(stack.ledger.evaluations(id).get(index));
    }

    @Test
    void anEvaluationNeitherTrainsNorLooksAtTheTrainingProblems() throws Exception {
        String yaml = yaml("{jsonl: " + directory.resolve("not-there.jsonl") + "}", 2);
        try (Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.evaluate("e", yaml, List.of());
            Ledger.RunRow row = end(stack, "e");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(row.updateDone()).isZero();
            assertThat(stack.ledger.evaluations("e")).hasSize(2);
            assertThat(evaluation(stack, "e", 0).path("policy_version").asLong())
                    .isZero();
            assertThat(stack.ledger.manifests("e")).isEmpty();
            assertThat(stack.ledger.audit("e").counts()).containsOnlyKeys(RolloutState.CONSUMED);
            assertThat(stack.ledger.tokensByUse("e")).containsOnlyKeys("evaluation");
            assertThat(stack.runs.homeOf("e").resolve("checkpoints"))
                    .satisfies(c -> assertThat(!Files.exists(c) || c.toFile().list().length == 0)
                            .isTrue());
            assertThatThrownBy(() -> stack.runs.resume("e")).hasMessageContaining("is finished");
        }
    }

    /** Through the run file, the sampler, the inference server and the engine. */
    @Test
    void anEvaluationDrawsTokensAsItIsTold() throws Exception {
        String yaml = yaml("{family: dial, level: hard, count: 4, seed: 3}", 8);
        try (Stack stack = new Stack(directory.resolve("home"))) {
            JsonNode plain = sampled(stack, "plain", yaml);
            JsonNode greedy = sampled(stack, "greedy", yaml, "evaluation.sampling.temperature=0");
            JsonNode likeliest = sampled(stack, "likeliest", yaml, "evaluation.sampling.top_k=1");
            JsonNode nucleus = sampled(stack, "nucleus", yaml, "evaluation.sampling.top_p=1e-6");
            for (JsonNode one : List.of(likeliest, nucleus)) {
                assertThat(one.path("passes")).isEqualTo(greedy.path("passes"));
                assertThat(one.path("tokens")).isEqualTo(greedy.path("tokens"));
            }
            assertThat(plain.path("temperature").asDouble()).isEqualTo(1);
            assertThat(likeliest.path("top_k").asInt()).isEqualTo(1);
            JsonNode shorter = sampled(stack, "short", yaml, "evaluation.sampling.max_tokens=2");
            assertThat(shorter.path("tokens").asLong()).isLessThanOrEqualTo(3 * 8 * 2);
            assertThat(plain.path("tokens").asLong()).isGreaterThan(3 * 8 * 2);
            assertThat(shorter.path("finished_share").asDouble()).isZero();
        }
    }

    private static JsonNode sampled(Stack stack, String id, String yaml, String... settings) throws Exception {
        stack.runs.evaluate(id, yaml, List.of(settings));
        assertThat(end(stack, id).state()).isEqualTo("finished");
        return evaluation(stack, id, 0);
    }

    @Test
    void anEvaluationThatWasCutOffIsResumedAsOne() throws Exception {
        Path home = directory.resolve("home");
        String yaml = yaml("{family: dial, level: hard, count: 4, seed: 3}", 64);
        try (Stack stack = new Stack(home)) {
            stack.runs.evaluate("e", yaml, List.of());
            while (stack.ledger.evaluations("e").isEmpty()) {
                Thread.sleep(5);
            }
        }
        try (Stack stack = new Stack(home)) {
            if (!stack.runs.row("e").state().equals("finished")) {
                stack.runs.resume("e");
            }
            assertThat(end(stack, "e").state()).isEqualTo("finished");
            assertThat(stack.ledger.evaluations("e")).hasSize(2);
            assertThat(stack.ledger.manifests("e")).isEmpty();
        }
    }

    @Test
    void theSameCommandGoesOnWithWhatAKilledOrStoppedOneLeft() throws Exception {
        Path home = directory.resolve("home");
        String yaml = yaml("{family: dial, level: hard, count: 4, seed: 3}", 64);
        try (Stack stack = new Stack(home)) {
            stack.runs.evaluate("e", yaml, List.of());
            while (stack.ledger.evaluations("e").isEmpty()) {
                Thread.sleep(5);
            }
        }
        long first;
        try (Stack stack = new Stack(home)) {
            // What a kill leaves, however the crash above ended.
            if (stack.ledger.evaluations("e").size() < 2) {
                Ledger.await(stack.ledger.setRunState("e", "running", ""));
            }
            List<ObjectNode> sets = EvalCommand.evaluate(stack.runs, "e", yaml, List.of());
            assertThat(sets).extracting(set -> set.path("set").asText()).containsExactly("first", "second");
            first = stack.ledger.countsByPurpose("e").get("evaluation");
            assertThat(EvalCommand.evaluate(stack.runs, "e", yaml, List.of()))
                    .as("what is measured is not measured again")
                    .isEqualTo(sets);
            assertThat(stack.ledger.countsByPurpose("e").get("evaluation")).isEqualTo(first);
        }
        try (Stack stack = new Stack(directory.resolve("stopped"))) {
            stack.onEvent = event -> {
                if (event.kind().equals("evaluation_done")) {
                    stack.onEvent = none -> {};
                    stack.runs.stop("e");
                }
            };
            assertThatThrownBy(() -> EvalCommand.evaluate(stack.runs, "e", yaml, List.of()))
                    .hasMessageContaining("evaluation e stopped")
                    .hasMessageContaining("the same --home goes on");
            assertThat(EvalCommand.evaluate(stack.runs, "e", yaml, List.of())).hasSize(2);
        }
    }

    @Test
    void anotherEvaluationOrARunThatTrainsUnderTheSameIdIsRefusedWithTheReason() throws Exception {
        String yaml = yaml("{family: dial, level: hard, count: 4, seed: 3}", 2);
        try (Stack stack = new Stack(directory.resolve("home"))) {
            assertThat(EvalCommand.evaluate(stack.runs, "e", yaml, List.of())).hasSize(2);
            for (String other : List.of("evaluation.samples=3", "evaluation.sampling.temperature=0.5", "seed=5")) {
                assertThatThrownBy(() -> EvalCommand.evaluate(stack.runs, "e", yaml, List.of(other)))
                        .isInstanceOfSatisfying(FootholdException.class, e -> assertThat(e.code())
                                .isEqualTo(ErrorCode.CONFLICT))
                        .hasMessageContaining(other.substring(0, other.indexOf('=')))
                        .hasMessageContaining("name another --home");
            }
            stack.runs.prepare("t", yaml, List.of());
            assertThat(end(stack, "t").reason()).isEqualTo("prepared only");
            assertThatThrownBy(() -> EvalCommand.evaluate(stack.runs, "t", yaml, List.of()))
                    .hasMessageContaining("run t exists and trains");
            assertThatThrownBy(() -> stack.runs.create("e", yaml, List.of())).hasMessageContaining("is an evaluation");
            assertThat(stack.ledger.manifests("t")).isEmpty();
        }
    }

    /** Declines the first sample of every problem; with {@code silent} it names no verdict but of gold answers. */
    private static ScriptedVerifier verifier(boolean silent) throws Exception {
        Verdict abstain =
                Verdict.newBuilder().setKind(VerdictKind.VERDICT_KIND_ABSTAIN).build();
        return new ScriptedVerifier(work -> Optional.of(
                silent && !work.getGoldOnly()
                        ? Verdict.getDefaultInstance()
                        : work.getRolloutId().endsWith("/0") ? abstain : ScriptedVerifier.PASS));
    }

    @Test
    void whatHasNoVerdictIsNoWrongAnswer() throws Exception {
        try (ScriptedVerifier verifier = verifier(false);
                Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.evaluate(
                    "e",
                    yaml("{family: dial, level: hard, count: 4, seed: 3}", 16),
                    List.of("verification.servers.exact=" + verifier.address()));
            Ledger.RunRow row = end(stack, "e");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            JsonNode first = evaluation(stack, "e", 0);
            assertThat(first.path("samples").asInt()).isEqualTo(45);
            assertThat(first.path("pass@1").asDouble()).isEqualTo(1);
            assertThat(first.path("pass@8").asDouble()).isEqualTo(1);
            assertThat(first.path("pass@16").isNull()).isTrue();
            assertThat(first.path("pass@16_problems").asInt()).isZero();
            assertThat(first.path("pass@8_problems").asInt()).isEqualTo(3);
            assertThat(Evaluations.text(first)).contains("45 of 45").contains("3 samples without a verdict");
        }
    }

    @Test
    void nothingJudgedIsSaidToBeSo() throws Exception {
        try (ScriptedVerifier verifier = verifier(true);
                Stack stack = new Stack(directory.resolve("home"))) {
            stack.runs.evaluate(
                    "e",
                    yaml("{family: dial, level: hard, count: 4, seed: 3}", 2),
                    List.of("verification.servers.exact=" + verifier.address()));
            Ledger.RunRow row = end(stack, "e");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            JsonNode first = evaluation(stack, "e", 0);
            assertThat(first.path("samples").asInt()).isZero();
            assertThat(first.path("pass@1").isNull()).isTrue();
            assertThat(Evaluations.text(first)).isEqualTo("not judged (0 of 6 samples have a verdict)");
            assertThatThrownBy(() -> Evaluations.passAt1(first)).hasMessageContaining("first at update 0");
        }
    }

    @Test
    void theEngineIsAsLongAsTheSetsAskFor() throws Exception {
        CausalModel policy = CausalModel.open(POLICY);
        Path set = Files.writeString(
                directory.resolve("set.jsonl"),
                "{\"id\":\"a\",\"problem\":\"1+1\",\"answer\":\"2\"}\n"
                        + "{\"id\":\"b\",\"problem\":\"1+1+1+1\",\"answer\":\"4\",\"max_tokens\":3}\n");
        String yaml = yaml("{jsonl: " + set + "}", 2)
                .replace("{family: dial, level: medium, count: 2, seed: 5, split: test}", "{jsonl: '" + set + "'}")
                .replace("{family: dial, level: easy, count: 3, seed: 3, split: test}", "{jsonl: '" + set + "'}");
        int at8 = length(yaml, policy, 0, "sampling.max_tokens=8");
        assertThat(at8).isGreaterThan(8);
        assertThat(length(yaml, policy, 0, "sampling.max_tokens=20"))
                .as("the prompt stays, the answer grows")
                .isEqualTo(at8 + 12);
        assertThat(length(yaml, policy, 0, "sampling.max_tokens=100000"))
                .as("as far as the model reaches")
                .isEqualTo(policy.size().maxPositions());
        assertThat(length(yaml, policy, 50, "sampling.max_tokens=8")).isEqualTo(50);
    }

    @Test
    void anEvaluationsEngineComputesAsPreciselyAsTheRunFileSays() throws Exception {
        CausalModel policy = CausalModel.open(POLICY);
        String yaml = yaml("{family: dial, level: easy, count: 2, seed: 4, split: test}", 2);
        for (String[] expected :
                new String[][] {{"precision=fast", "fast"}, {"precision=exact", "exact"}, {"precision=auto", "exact"}
                }) {
            assertThat(EvalCommand.engine(
                            RunFile.resolve("r", yaml, List.of(expected[0])), policy, 0, ComputeDevice.CPU))
                    .as(expected[0])
                    .containsEntry("foothold.policy-server.precision", expected[1]);
        }
    }

    private static int length(String yaml, CausalModel policy, int chosen, String setting) {
        return EngineSize.of(RunFile.resolve("r", yaml, List.of(setting)), policy, chosen, Precision.EXACT)
                .maxLength();
    }
}
