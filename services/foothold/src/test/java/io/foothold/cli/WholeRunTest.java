package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.augmentation.dial.Dial;
import io.foothold.cli.demo.DialRuns;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.report.Evaluations;
import io.foothold.cli.report.Progress;
import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.contracts.triton.Tensors;
import io.foothold.core.problem.Problem;
import io.foothold.inference.ModelConfigRequest;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelStreamInferResponse;
import io.foothold.inference.MutinyGRPCInferenceServiceGrpc;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Tokenizer;
import io.foothold.policy.Trainer;
import io.smallrye.mutiny.Multi;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs through every service on loopback. */
class WholeRunTest {
    @TempDir
    Path directory;

    private static String yaml(String method, int updates, String extra) {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        return DialRuns.yaml(method, 3, policy, "medium", 24, "medium", 6, 2, updates, 3)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n" + extra;
    }

    private static Ledger.RunRow finish(Stack stack, String id) throws Exception {
        return stack.runs.end(id).get(120, TimeUnit.SECONDS);
    }

    private static List<String> digests(Stack stack, String id) {
        return stack.ledger.manifests(id).stream().map(Manifest::digest).toList();
    }

    @Test
    void aStoppedAndACrashedRunEndWithTheDigestOfAnUninterruptedOne() throws Exception {
        List<String> whole;
        try (Stack stack = new Stack(directory.resolve("whole"))) {
            stack.runs.create("r", yaml("pope-dial", 6, ""), List.of("checkpoint.every=2"));
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            whole = digests(stack, "r");
            assertThat(whole).hasSize(6).doesNotHaveDuplicates();
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            assertThat(stack.ledger.manifests("r")).allSatisfy(m -> assertThat(m.metric("log_prob_difference_max", 0))
                    .isZero());
            assertThat(stack.ledger.evaluations("r")).hasSize(3);
        }
        Path home = directory.resolve("broken");
        try (Stack stack = new Stack(home)) {
            stack.runs.create("r", yaml("pope-dial", 6, ""), List.of("checkpoint.every=2"));
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> digests(stack, "r").size() >= 1);
            stack.runs.stop("r");
            Ledger.RunRow row = finish(stack, "r");
            assertThat(row.state()).isEqualTo("stopped");
        }
        try (Stack stack = new Stack(home)) {
            stack.runs.resume("r");
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> digests(stack, "r").size() >= 3);
            // Closing the stack under the run is the crash: sampling, training and the ledger die in mid-flight.
        }
        try (Stack stack = new Stack(home)) {
            stack.runs.resume("r");
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            assertThat(digests(stack, "r")).isEqualTo(whole);
            assertThat(stack.ledger.audit("r").sound()).isTrue();
        }
    }

    /** Nor does the best policy change hands because a process was new and had measured nothing. */
    @Test
    void aDamagedCheckpointIsPassedOverAndTheRunEndsWithTheDigestOfAnUninterruptedOne() throws Exception {
        List<String> options = List.of("checkpoint.every=1", "checkpoint.keep=2", "evaluation.every=1");
        List<String> whole;
        try (Stack stack = new Stack(directory.resolve("whole"))) {
            stack.runs.create("r", yaml("pope-dial", 4, ""), options);
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            whole = digests(stack, "r");
        }
        Path home = directory.resolve("broken");
        Path checkpoints = home.resolve("runs/r/learner/checkpoints");
        try (Stack stack = new Stack(home)) {
            stack.runs.create("r", yaml("pope-dial", 4, ""), options);
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> digests(stack, "r").size() >= 2);
            stack.runs.stop("r");
            assertThat(finish(stack, "r").state()).isEqualTo("stopped");
        }
        long newest;
        try (var all = Files.list(checkpoints)) {
            newest = all.map(p -> p.getFileName().toString())
                    .filter(name -> name.matches("\\d+"))
                    .mapToLong(Long::parseLong)
                    .max()
                    .orElseThrow();
        }
        Path moments = checkpoints.resolve(newest + "/moments.safetensors");
        byte[] bytes = Files.readAllBytes(moments);
        bytes[bytes.length / 2] ^= 1;
        Files.write(moments, bytes);
        try (Stack stack = new Stack(home)) {
            stack.runs.resume("r");
            Ledger.RunRow row = finish(stack, "r");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(digests(stack, "r")).isEqualTo(whole);
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            assertThat(stack.ledger.events("r", 0))
                    .filteredOn(e -> e.kind().equals("checkpoint_damaged"))
                    .singleElement()
                    .satisfies(e ->
                            assertThat(e.json()).contains("moments.safetensors", "\"resumed_from\":" + (newest - 1)));
            long best = 0;
            double most = -1;
            ObjectMapper mapper = new ObjectMapper();
            for (String text : stack.ledger.evaluations("r")) {
                double share = mapper.readTree(text).path("pass@1").asDouble();
                if (share > most) {
                    most = share;
                    best = mapper.readTree(text).path("update").asLong();
                }
            }
            assertThat(mapper.readTree(checkpoints.resolve("best/state.json").toFile())
                            .path("state")
                            .path("update")
                            .asLong())
                    .isEqualTo(best);
            if (best > 0) {
                assertThat(PolicyDirectory.open(checkpoints.resolve("best"))
                                .weights()
                                .digest())
                        .isEqualTo(whole.get((int) best - 1));
            }
        }
    }

    /** The base stays as it is, the checkpoint holds PEFT's files, and sampler and learner agree to the bit. */
    @Test
    void aRunWithAdaptersResumesToTheDigestOfAnUninterruptedOne() throws Exception {
        List<String> options = List.of(
                "checkpoint.every=2",
                "optimizer.lora.rank=4",
                "optimizer.lora.alpha=8",
                "optimizer.lora.targets=q_proj, down_proj");
        List<String> whole;
        try (Stack stack = new Stack(directory.resolve("whole"))) {
            stack.runs.create("r", yaml("pope-dial", 4, ""), options);
            Ledger.RunRow row = finish(stack, "r");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            whole = digests(stack, "r");
            assertThat(whole).hasSize(4).doesNotHaveDuplicates();
            assertThat(stack.ledger.manifests("r")).allSatisfy(m -> assertThat(m.metric("log_prob_difference_max", 0))
                    .isZero());
        }
        Path home = directory.resolve("broken");
        try (Stack stack = new Stack(home)) {
            stack.runs.create("r", yaml("pope-dial", 4, ""), options);
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> digests(stack, "r").size() >= 3);
        }
        try (Stack stack = new Stack(home)) {
            stack.runs.resume("r");
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            assertThat(digests(stack, "r")).isEqualTo(whole);
        }
        try (var files = Files.walk(home)) {
            List<Path> adapters =
                    files.filter(p -> p.endsWith("checkpoints/4/adapter")).toList();
            assertThat(adapters).hasSize(1);
            PolicyDirectory merged = PolicyDirectory.open(adapters.get(0).getParent());
            assertThat(PolicyDirectory.open(adapters.get(0)).weights().digest())
                    .as("base and adapter are the checkpoint's weights and the last policy version")
                    .isEqualTo(merged.weights().digest())
                    .isEqualTo(whole.get(3));
        }
    }

    /** A template that repeats the message gives the run without one; a template that says more does not. */
    @Test
    void promptsGoThroughThePolicysChatTemplate() throws Exception {
        Path chat = directory.resolve("chat");
        PolicyDirectory plain = PolicyDirectory.open(Workspace.dialPolicy());
        PolicyDirectory.write(chat, plain.weights(), plain.tokenizerJson());
        Files.writeString(
                chat.resolve("chat_template.jinja"),
                "{% if style is defined %}{{ messages[0].content }}{% endif %}{{ messages[-1].content }}");
        List<String> options = List.of("policy.base=" + chat, "prompts.chat=true", "prompts.system=7");
        List<List<String>> digests = new ArrayList<>();
        for (List<String> more : List.of(List.<String>of(), List.of("prompts.chat_options=style=long"))) {
            Path home = directory.resolve("r" + digests.size());
            try (Stack stack = new Stack(home, chat)) {
                List<String> all = new ArrayList<>(options);
                all.addAll(more);
                stack.runs.create("r", yaml("grpo-dial", 2, ""), all);
                Ledger.RunRow row = finish(stack, "r");
                assertThat(row.state()).as(row.reason()).isEqualTo("finished");
                digests.add(digests(stack, "r"));
            }
            assertThat(home.resolve("runs/r/learner/checkpoints/2/chat_template.jinja"))
                    .as("a checkpoint is a whole directory")
                    .exists();
        }
        try (Stack stack = new Stack(directory.resolve("plain"))) {
            stack.runs.create("r", yaml("grpo-dial", 2, ""), List.of());
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            assertThat(digests.get(0)).isEqualTo(digests(stack, "r"));
            assertThat(digests.get(1)).isNotEqualTo(digests.get(0));
        }
    }

    /** Earlier turns and the begin of the answer reach the tokens: the run is that of the same text without a template. */
    @Test
    void turnsAndPrefilledGuidanceGiveTheRunOfTheTextThatIsWrittenOut() throws Exception {
        Path chat = directory.resolve("chat");
        PolicyDirectory plain = PolicyDirectory.open(Workspace.dialPolicy());
        PolicyDirectory.write(chat, plain.weights(), plain.tokenizerJson());
        Files.writeString(
                chat.resolve("chat_template.jinja"),
                "{% for m in messages %}{% if m.role == 'user' %}<|solve|>{{ m.content }}<|assistant|>"
                        + "{% else %}{{ m.content }}<|end|>{% endif %}{% endfor %}");
        String root = "<|solve|> 1+1<|assistant|> 2<|end|><|solve|>{problem}<|assistant|>";
        List<String> templated = List.of(
                "policy.base=" + chat,
                "prompts.chat=true",
                "prompts.root={problem}",
                "prompts.turns.1.user= 1+1",
                "prompts.turns.1.assistant= 2",
                "prompts.guided=",
                "guidance.form=prefill");
        Map<String, List<String>> ways = new LinkedHashMap<>();
        ways.put("in the chat template", templated);
        ways.put(
                "prefilled behind the root prompt",
                List.of("policy.base=" + chat, "prompts.root=" + root, "prompts.guided=", "guidance.form=prefill"));
        ways.put(
                "as a guided prompt",
                List.of("policy.base=" + chat, "prompts.root=" + root, "prompts.guided=" + root + "{prefix}"));
        List<List<String>> digests = new ArrayList<>();
        for (Map.Entry<String, List<String>> way : ways.entrySet()) {
            try (Stack stack = new Stack(directory.resolve("r" + digests.size()), chat)) {
                stack.runs.create("r", yaml("pope-dial", 2, ""), way.getValue());
                Ledger.RunRow row = finish(stack, "r");
                assertThat(row.state()).as("%s: %s", way.getKey(), row.reason()).isEqualTo("finished");
                digests.add(digests(stack, "r"));
            }
        }
        assertThat(digests).allSatisfy(d -> assertThat(d).hasSize(2).isEqualTo(digests.get(0)));
        try (Stack stack = new Stack(directory.resolve("without"), chat)) {
            List<String> without = new ArrayList<>(templated);
            without.removeIf(setting -> setting.startsWith("prompts.turns"));
            stack.runs.create("r", yaml("pope-dial", 2, ""), without);
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            assertThat(digests(stack, "r")).isNotEqualTo(digests.get(0));
        }
    }

    @Test
    void anUpdateThatTheLedgerDidNotHearOfIsTakenOverFromTheLearner() throws Exception {
        List<String> whole;
        try (Stack stack = new Stack(directory)) {
            stack.runs.create("r", yaml("grpo-dial", 3, ""), List.of("checkpoint.every=100"));
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            whole = digests(stack, "r");
        }
        // The orchestrator died between the learner's manifest and its own commit of update 3.
        org.h2.jdbcx.JdbcDataSource database = new org.h2.jdbcx.JdbcDataSource();
        database.setURL("jdbc:h2:file:" + directory.resolve("ledger"));
        try (var connection = database.getConnection();
                var statement = connection.createStatement()) {
            statement.execute("delete from update_manifest where update_number = 3");
            statement.execute("update rollout set state = 'ADMITTED' where id like 'r/g8/%' or id like 'r/g9/%'"
                    + " or id like 'r/g10/%' or id like 'r/g11/%'");
            statement.execute("update run set update_done = 2, state = 'running'");
        }
        try (Stack stack = new Stack(directory)) {
            assertThat(stack.ledger.audit("r").counts())
                    .containsEntry(io.foothold.core.ledger.RolloutState.ADMITTED, 16L);
            stack.runs.resume("r");
            Ledger.RunRow row = finish(stack, "r");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(digests(stack, "r")).isEqualTo(whole);
            assertThat(stack.ledger.audit("r").sound()).isTrue();
            assertThat(stack.ledger.audit("r").counts())
                    .doesNotContainKey(io.foothold.core.ledger.RolloutState.ADMITTED);
        }
    }

    @Test
    void anAsynchronousRunKeepsItsStalenessBound() throws Exception {
        try (Stack stack = new Stack(directory)) {
            stack.runs.create(
                    "async",
                    yaml("grpo", 8, "staleness: 2\n"),
                    List.of("optimizer.learning_rate=1e-3", "estimator.name=mean"));
            Ledger.RunRow row = finish(stack, "async");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            assertThat(stack.ledger.manifests("async"))
                    .hasSize(8)
                    .allSatisfy(m -> assertThat(m.metric("staleness_max", 99)).isLessThanOrEqualTo(2));
            assertThat(stack.ledger.manifests("async"))
                    .as("rollouts of one version are compared also while weights change in flight")
                    .allSatisfy(m ->
                            assertThat(m.metric("log_prob_difference_max", 0)).isZero())
                    .anySatisfy(
                            m -> assertThat(m.metrics().get("tokens_compared")).isPositive());
            assertThat(stack.ledger.audit("async").sound()).isTrue();
            assertThat(stack.ledger.audit("async").counts().keySet())
                    .as("nothing is left under way")
                    .allMatch(s -> s.ended());
        }
    }

    @Test
    void miningKeepsOnlyWhatTheBaseNeverSolves() throws Exception {
        try (Stack stack = new Stack(directory)) {
            stack.runs.create("m", yaml("grpo-dial", 1, "mining: {samples: 8}\n"), List.of());
            Ledger.RunRow row = finish(stack, "m");
            assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            String set = stack.ledger.preparation("m", "hard_set").orElseThrow();
            assertThat(set).contains("\"tried\":24", "\"rollouts\":192");
            assertThat(stack.ledger.countsByPurpose("m")).containsEntry("mining", 192L);
        }
    }

    @Test
    void preparationStopsBeforeTheFirstUpdateAndTheRunGoesOnFromIt() throws Exception {
        try (Stack stack = new Stack(directory)) {
            stack.runs.prepare("p", yaml("pope-dial", 1, "mining: {samples: 4, second_samples: 6}\n"), List.of());
            Ledger.RunRow row = finish(stack, "p");
            assertThat(row.state()).as(row.reason()).isEqualTo("stopped");
            assertThat(row.reason()).isEqualTo("prepared only");
            List<String> hard = stack.runs.hardSet("p");
            assertThat(hard).isNotEmpty();
            // Every problem was seen four times; one that nothing solved then six times more, and it stays hard if
            // nothing did again.
            assertThat(stack.runs.solveRates("p")).hasSize(24).allSatisfy((id, rate) -> {
                assertThat(rate.judged()).isIn(4, 10);
                assertThat(hard.contains(id)).isEqualTo(rate.judged() == 10 && rate.passes() == 0);
            });
            assertThat(stack.runs.solveRates("p").values())
                    .as("a problem that the second look found to be solvable")
                    .anyMatch(rate -> rate.judged() == 10 && rate.passes() > 0);
            assertThat(stack.ledger.prefixes("p").keySet()).containsExactlyInAnyOrderElementsOf(hard);
            assertThat(stack.ledger.manifests("p")).isEmpty();
            long mined = stack.ledger.countsByPurpose("p").get("mining");
            stack.runs.resume("p");
            assertThat(finish(stack, "p").state()).isEqualTo("finished");
            assertThat(stack.ledger.countsByPurpose("p")).containsEntry("mining", mined);
            assertThat(stack.ledger.manifests("p")).hasSize(1);
        }
    }

    @Test
    void aSecondRunWaitsForTheLearnerAndBeginsByItself() throws Exception {
        try (Stack stack = new Stack(directory)) {
            stack.runs.create("first", yaml("grpo-dial", 4, ""), List.of());
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> !digests(stack, "first").isEmpty());
            for (String id : List.of("second", "third", "fourth")) {
                Ledger.RunRow waits = stack.runs.create(id, yaml("grpo-dial", 1, ""), List.of());
                assertThat(waits.state()).isEqualTo("queued");
                assertThat(waits.reason()).isEqualTo("waits for learner learner");
            }
            assertThat(stack.runs.stop("third").state()).isEqualTo("stopped");
            assertThat(stack.runs.row("first").state()).isEqualTo("running");
            for (String id : List.of("first", "second", "fourth")) {
                Ledger.RunRow row = finish(stack, id);
                assertThat(row.state()).as(row.reason()).isEqualTo("finished");
            }
            assertThat(digests(stack, "fourth")).isEqualTo(digests(stack, "second"));
            assertThat(digests(stack, "third")).isEmpty();
            stack.runs.resume("third");
            assertThat(finish(stack, "third").state()).isEqualTo("finished");
        }
    }

    @Test
    void anotherFileUnderTheSameIdIsRefusedAndTheSameChangesNothing() throws Exception {
        try (Stack stack = new Stack(directory)) {
            stack.runs.create("r", yaml("grpo-dial", 1, ""), List.of());
            assertThat(stack.runs
                            .create("r", yaml("grpo-dial", 1, ""), List.of())
                            .id())
                    .isEqualTo("r");
            assertThatThrownBy(() -> stack.runs.create("r", yaml("grpo-dial", 2, ""), List.of()))
                    .hasMessageContaining("other settings");
            assertThatThrownBy(() -> stack.runs.create("../r", yaml("grpo-dial", 2, ""), List.of()))
                    .hasMessageContaining("letters, digits");
            finish(stack, "r");
            assertThatThrownBy(() -> stack.runs.resume("r")).hasMessageContaining("is finished");
            assertThatThrownBy(() -> stack.runs.stop("nobody")).hasMessageContaining("no run 'nobody'");
        }
    }

    @Test
    void thePolicyServerAnswersInTritonsWords() throws Exception {
        try (Stack stack = new Stack(directory)) {
            // Asked directly: outside of the container the generated glue cannot translate errors.
            assertThatThrownBy(() -> stack.triton
                            .modelInfer(request("x").build())
                            .await()
                            .indefinitely())
                    .hasMessageContaining("UNIMPLEMENTED: ModelInfer RPC doesn't support models with decoupled");
            assertThatThrownBy(() -> stack.triton
                            .modelConfig(ModelConfigRequest.newBuilder()
                                    .setName("nosuch")
                                    .build())
                            .await()
                            .indefinitely())
                    .hasMessageContaining("Request for unknown model: 'nosuch' is not found");
            assertThat(stack.triton
                            .modelConfig(ModelConfigRequest.newBuilder()
                                    .setName("policy")
                                    .build())
                            .await()
                            .indefinitely()
                            .getConfig()
                            .getParametersMap())
                    .containsKey("contract_version");
            // Several requests on one stream: a refusal is one of the answers and the neighbours go on.
            ModelInferRequest.Builder good = request("good");
            Tensors.put(good, PolicyTensors.INPUT_IDS, Tensors.ofInts(2, 34, 7, 5));
            Tensors.put(good, PolicyTensors.MAX_TOKENS, Tensors.ofInts(20));
            Tensors.put(good, PolicyTensors.RANDOM_SEED, Tensors.ofUnsignedLong(4));
            Tensors.put(good, PolicyTensors.STREAM_INTERVAL, Tensors.ofInts(5));
            ModelInferRequest.Builder wrongType = request("wrong-type");
            Tensors.put(wrongType, PolicyTensors.INPUT_IDS, Tensors.ofFloats(1));
            ModelInferRequest.Builder extra = request("extra");
            Tensors.put(extra, "q", Tensors.ofInts(1));
            ModelInferRequest.Builder outside = request("outside");
            Tensors.put(outside, PolicyTensors.INPUT_IDS, Tensors.ofInts(99));
            Tensors.put(outside, PolicyTensors.MAX_TOKENS, Tensors.ofInts(4));
            Tensors.put(outside, PolicyTensors.RANDOM_SEED, Tensors.ofUnsignedLong(4));
            List<ModelStreamInferResponse> answers = MutinyGRPCInferenceServiceGrpc.newMutinyStub(stack.inference)
                    .modelStreamInfer(
                            Multi.createFrom().items(wrongType.build(), good.build(), extra.build(), outside.build()))
                    .collect()
                    .asList()
                    .await()
                    .atMost(Duration.ofSeconds(30));
            Map<String, String> errors = new java.util.HashMap<>();
            int tokens = 0;
            boolean finished = false;
            for (ModelStreamInferResponse a : answers) {
                if (!a.getErrorMessage().isEmpty()) {
                    errors.put(a.getInferResponse().getId(), a.getErrorMessage());
                    continue;
                }
                Map<String, Tensors.Tensor> out = Tensors.of(a.getInferResponse());
                assertThat(out.get(PolicyTensors.TOKEN_OFFSET).ints()[0]).isEqualTo(tokens);
                tokens += out.get(PolicyTensors.OUTPUT_IDS).ints().length;
                finished |= out.containsKey(PolicyTensors.FINISH_REASON);
            }
            assertThat(finished).isTrue();
            assertThat(tokens).isBetween(1, 20);
            assertThat(errors.get("wrong-type")).contains("data-type is 'FP32', but model 'policy' expects 'INT32'");
            assertThat(errors.get("extra")).contains("unexpected inference input 'q' for model 'policy'");
            assertThat(errors.get("outside")).contains("token id 99 is not in 0..37");
        }
    }

    private static ModelInferRequest.Builder request(String id) {
        return ModelInferRequest.newBuilder().setModelName("policy").setId(id);
    }

    /** At another temperature than 1, from the unguided prompt, with no token of it, against the policy itself. */
    @Test
    void anEvaluationTellsHowLikelyTheOraclesSolutionsAre() throws Exception {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        Path home = directory.resolve("home");
        String yaml = yaml("pope-dial", 2, "");
        try (Stack stack = new Stack(home)) {
            stack.runs.create(
                    "r",
                    yaml,
                    List.of("sampling.temperature=0.8", "evaluation.every=2", "evaluation.oracle_problems=5"));
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            JsonNode first =
                    new ObjectMapper().readTree(stack.ledger.evaluations("r").getFirst());
            JsonNode last =
                    new ObjectMapper().readTree(stack.ledger.evaluations("r").getLast());
            for (String set : List.of("oracle", "oracle_train")) {
                assertThat(first.path(set).path("problems").asInt()).as(set).isEqualTo(5);
                assertThat(first.path(set).path("temperature").asDouble()).isEqualTo(0.8);
                assertThat(first.path(set).path("policy_version").asLong()).isZero();
                assertThat(last.path(set).path("policy_version").asLong()).isEqualTo(2);
                assertThat(last.path(set).path("log_prob").asDouble())
                        .isNotEqualTo(first.path(set).path("log_prob").asDouble());
            }
            assertThat(Evaluations.oracleText(first))
                    .contains("oracle solutions from the unguided prompt: 10^-", "training 10^-", "(5 problems, ");
            Path files = stack.runs.homeOf("r");
            List<JsonNode> lines = new ArrayList<>();
            for (String line : Files.readAllLines(files.resolve("completions/oracle-000000-problems.train.jsonl"))) {
                lines.add(new ObjectMapper().readTree(line));
            }
            List<Problem> problems = Dial.problems(Dial.Level.MEDIUM, 24, 13, "train");
            double sum = 0;
            NativeRuntime.enterThread();
            PolicyDirectory opened = PolicyDirectory.open(policy);
            try (PolicyWeights weights = opened.weights();
                    Tokenizer tokenizer = Tokenizer.read(policy, opened.config().vocabulary());
                    Trainer trainer = new Trainer(weights, 512, Precision.EXACT)) {
                for (int i = 0; i < lines.size(); i++) {
                    Problem problem = problems.get(i);
                    int[] prompt = tokenizer.encode(Dial.ROOT_TEMPLATE.replace("{problem}", problem.statement()));
                    int[] solution = tokenizer.encode(String.join("", problem.oracleThoughts()) + problem.answer());
                    assertThat(ids(lines.get(i), "prompt_token_ids")).isEqualTo(prompt);
                    assertThat(ids(lines.get(i), "solution_token_ids")).isEqualTo(solution);
                    float[] expected = trainer.score(
                                    List.of(new Trainer.Sequence(
                                            prompt, new int[0], solution, new float[solution.length])),
                                    0.8)
                            .getFirst()
                            .logProbs();
                    double whole = IntStream.range(0, expected.length)
                            .mapToDouble(t -> expected[t])
                            .sum();
                    assertThat(lines.get(i).path("log_prob").asDouble()).isEqualTo(whole, within(1e-4));
                    sum += whole;
                }
            }
            assertThat(first.path("oracle_train").path("log_prob").asDouble()).isEqualTo(sum / 5, within(1e-4));
            assertThat(scalars(files))
                    .contains(
                            "training/oracle_log_prob_per_token",
                            "evaluation/medium-test/oracle_probability",
                            "evaluation/medium-test/oracle_log_prob");
        }
    }

    /** A rollout that passes unguided while training is the first sign that guidance carries over. */
    @Test
    void anUpdateTellsWhatPassedUnguidedAndWhatWithGuidance() throws Exception {
        Path home = directory.resolve("home");
        try (Stack stack = new Stack(home)) {
            stack.runs.create("r", yaml("pope-dial", 1, ""), List.of("prefix_search.fallback=longest"));
            assertThat(finish(stack, "r").state()).isEqualTo("finished");
            JsonNode update = stack.ledger.events("r", 0).stream()
                    .filter(e -> e.kind().equals("update_done"))
                    .map(e -> parse(e.json()))
                    .findFirst()
                    .orElseThrow();
            List<JsonNode> lines = new ArrayList<>();
            for (String line : Files.readAllLines(stack.runs.homeOf("r").resolve("completions/update-000001.jsonl"))) {
                lines.add(parse(line));
            }
            StringBuilder told = new StringBuilder(", passed");
            for (String start : List.of("root", "guided")) {
                long rollouts = lines.stream()
                        .filter(l -> l.path("start").asText().equals(start))
                        .count();
                long passes = lines.stream()
                        .filter(l -> l.path("start").asText().equals(start))
                        .filter(l -> l.path("verdict").asText().equals("PASS"))
                        .count();
                assertThat(rollouts).as(start).isPositive();
                assertThat(update.path("rollouts_" + start).asLong()).isEqualTo(rollouts);
                assertThat(update.path("passes_" + start).asLong()).isEqualTo(passes);
                assertThat(update.path("pass@1_" + start).asDouble()).isEqualTo((double) passes / rollouts);
                told.append(start.equals("root") ? " unguided " : ", guided ").append(passes + " of " + rollouts);
            }
            assertThat(Progress.passes(update)).isEqualTo(told.toString());
            assertThat(update.path("transfer_gap").asDouble())
                    .isEqualTo(update.path("pass@1_guided").asDouble()
                            - update.path("pass@1_root").asDouble());
            assertThat(update.path("groups_always_root").asInt()
                            + update.path("groups_sometimes_root").asInt()
                            + update.path("groups_never_root").asInt())
                    .as("half of the groups")
                    .isEqualTo(update.path("rollouts_root").asInt() / 4);
            Map<String, Integer> prefixes = stack.ledger.prefixes("r");
            assertThat(update.path("overlap_rollouts").asLong())
                    .as("unguided rollouts of problems that are guided")
                    .isEqualTo(lines.stream()
                            .filter(l -> l.path("start").asText().equals("root"))
                            .filter(l -> prefixes.getOrDefault(l.path("problem").asText(), 0) > 0)
                            .count());
            assertThat(update.path("overlap_share").asDouble()).isBetween(0.0, 1.0);
            assertThat(scalars(stack.runs.homeOf("r"))).contains("pass@1_root", "pass@1_guided");
        }
    }

    private static JsonNode parse(String json) {
        try {
            return new ObjectMapper().readTree(json);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static int[] ids(JsonNode line, String name) {
        return StreamSupport.stream(line.path(name).spliterator(), false)
                .mapToInt(JsonNode::asInt)
                .toArray();
    }

    private static String scalars(Path home) throws IOException {
        try (Stream<Path> files = Files.list(home.resolve("tensorboard"))) {
            return Files.readString(files.findFirst().orElseThrow(), StandardCharsets.ISO_8859_1);
        }
    }
}
