package io.foothold.learner.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.Clips;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Losses;
import io.foothold.core.loss.MismatchRule;
import io.foothold.core.loss.PolicyGradient;
import io.foothold.learner.train.DjlBackend;
import io.foothold.learner.train.RunSettings;
import io.foothold.learner.train.Schedule;
import io.foothold.learner.train.TensorBackend;
import io.foothold.policy.Disk;
import io.foothold.policy.Lora;
import io.foothold.policy.LoraAdapter;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.assertj.core.data.Offset;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Two implementations of one port, which share no code below it: the embedded backend and the torch worker, in every family that the
 * embedded one knows. Float32 on both sides. Not run where the worker's Python environment is not installed.
 */
class BackendsAgreeTest {
    private static final Path PACKAGE = Path.of("torch");
    private static final Path GOLDEN = Path.of("../core/src/test/resources/loss/golden.json");
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final double TEMPERATURE = 0.8;

    /** Largest difference of log-probs of the same weights, nats. */
    private static final double LOG_PROBS = 1e-5;

    /** Norm of the difference of a tensor of gradients, of the norm of the tensor. */
    private static final double GRADIENTS = 1e-5;

    /** The same of what ten steps changed the weights to. */
    private static final double WEIGHTS = 1e-4;

    /** Takes the gradient sums for its first moments, and is too small to change a number. */
    private static final Trainer.AdamW READING = new Trainer.AdamW(1e-30, 0, 0, 1, 0, 0);

    /** Goes along the gradient, without dividing by it: what differs by rounding still does so afterwards. */
    private static final Trainer.AdamW ALONG = new Trainer.AdamW(1e5, 0, 0, 1e6, 0, 0);

    private static @Nullable TorchEnvironment environment;

    @TempDir
    Path scratch;

    @BeforeAll
    static void find() {
        try {
            environment = TorchEnvironment.find(PACKAGE);
        } catch (FootholdException e) {
            System.err.println("NOT RUN: BackendsAgreeTest, djl and torch were not compared: " + e.getMessage());
            assumeTrue(false, e.getMessage());
        }
    }

    @BeforeEach
    void begin() {
        NativeRuntime.enterThread();
    }

    private record Case(LossRule rule, CreditPlan plan) {}

    /** What is trained on: rows that share prompts, given tokens among them, one that has no sampled tokens. */
    private record Batch(List<Trainer.Sequence> sequences, List<Case> cases) {
        /** The same rows, whose behaviour is as far from the policy as that of the golden rows is from theirs. */
        Batch near(List<Trainer.Score> scores) throws IOException {
            JsonNode rows = MAPPER.readTree(GOLDEN.toFile()).get("rows");
            List<Trainer.Sequence> out = new ArrayList<>();
            for (int i = 0; i < sequences.size(); i++) {
                Trainer.Sequence s = sequences.get(i);
                float[] behaviour = new float[s.sampled().length];
                for (int t = 0; t < behaviour.length; t++) {
                    behaviour[t] = (float) (scores.get(i).logProbs()[t]
                            + rows.get(i).get("behaviour_log_probs").get(t).asDouble()
                            - rows.get(i).get("log_probs").get(t).asDouble());
                }
                out.add(new Trainer.Sequence(s.prompt(), s.given(), s.sampled(), behaviour));
            }
            return new Batch(out, cases);
        }
    }

    /** The rules, rows and advantages of the golden losses, on tokens of a model. */
    private static Batch golden(int vocabulary) throws IOException {
        JsonNode golden = MAPPER.readTree(GOLDEN.toFile());
        Random random = new Random(11);
        List<Trainer.Sequence> sequences = new ArrayList<>();
        int[] prompt = {};
        for (int i = 0; i < golden.get("rows").size(); i++) {
            int sampled = golden.get("rows").get(i).get("log_probs").size();
            prompt = i % 2 == 0 ? tokens(random, vocabulary, 9 + i) : prompt;
            sequences.add(new Trainer.Sequence(
                    prompt,
                    tokens(random, vocabulary, i % 3),
                    tokens(random, vocabulary, sampled),
                    new float[sampled]));
        }
        List<Case> cases = new ArrayList<>();
        for (JsonNode json : golden.get("cases")) {
            LossRule rule = new LossRule(
                    LossRule.Aggregation.named(json.get("aggregation").asText()),
                    json.get("constant_length").asInt(),
                    Losses.of(
                            json.get("ratio").asText(),
                            new Clips(
                                    json.get("clip_low").asDouble(),
                                    json.get("clip_high").asDouble(),
                                    json.get("dual_clip").asDouble()),
                            Map.of()),
                    json.get("kl_coefficient").asDouble(),
                    json.get("entropy_coefficient").asDouble(),
                    json.get("shaping").asDouble());
            List<CreditPlan.Member> members = new ArrayList<>();
            for (int i = 0; i < sequences.size(); i++) {
                Trainer.Sequence s = sequences.get(i);
                members.add(new CreditPlan.Member(
                        s.prompt().length,
                        s.given().length,
                        s.sampled().length,
                        golden.get("rows").get(i).get("advantage").asDouble(),
                        json.get("rows").get(i).get("off_policy").asBoolean()));
            }
            cases.add(new Case(rule, CreditPlan.of(rule, members)));
        }
        assertThat(cases).hasSize(36);
        return new Batch(sequences, cases);
    }

    private static int[] tokens(Random random, int vocabulary, int count) {
        return random.ints(count, 2, vocabulary).toArray();
    }

    private static ModelConfig config(ModelConfig.Architecture architecture, boolean tied) {
        return new ModelConfig(
                architecture,
                61,
                64,
                96,
                2,
                4,
                2,
                16,
                128,
                1e-6,
                10_000,
                architecture == ModelConfig.Architecture.LLAMA ? new ModelConfig.Llama3Scaling(8, 1, 4, 16) : null,
                tied,
                architecture == ModelConfig.Architecture.QWEN2,
                architecture == ModelConfig.Architecture.QWEN3,
                List.of(1));
    }

    private static RunSettings settings(@Nullable Lora lora) {
        return new RunSettings(
                new RunSettings.Learning(
                        AdvantageEstimator.named(
                                "mean",
                                0), // Of the loss only whether there is a base is read when a backend is opened.
                        new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new PolicyGradient(), 1, 0, 0),
                        new MismatchRule.None(),
                        1,
                        false),
                new RunSettings.Optimizer(new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1), 0, 0, 0, 0, 0),
                new RunSettings.Steps(
                        0, 1, // Several micro-batches.
                        48),
                new RunSettings.Checkpoints(1, 1),
                new RunSettings.Computation(Precision.EXACT, 0),
                Optional.ofNullable(lora),
                1,
                "");
    }

    private TorchBackend torch(Path policy, int processes, @Nullable Lora lora) {
        TorchEnvironment found = environment;
        assertThat(found).isNotNull();
        TorchOptions options = new TorchOptions(processes, "cpu", "float32", false, false, "");
        return TorchBackend.open(
                TorchProcesses.start(found, options),
                TorchBackend.HANG,
                options,
                policy,
                settings(lora),
                Optional.empty(),
                0);
    }

    private static DjlBackend djl(Path policy, @Nullable Lora lora) {
        return DjlBackend.open(policy, settings(lora), Optional.empty(), 0);
    }

    /** Writes a random policy, and with adapters a directory of fresh ones for it: both backends begin with the same numbers. */
    private Path policy(ModelConfig.Architecture architecture, boolean tied, @Nullable Lora lora) {
        Path base = scratch.resolve("policy");
        ModelConfig config = config(architecture, tied);
        PolicyDirectory.write(base, PolicyWeights.random(config, 7, 0.1), "{\"version\":\"1.0\"}");
        if (lora == null) {
            return base;
        }
        Path adapter = scratch.resolve("adapter");
        LoraAdapter.fresh(config, lora, 3).write(adapter, base);
        return adapter;
    }

    @ParameterizedTest
    @CsvSource({
        "QWEN2, false, false",
        "QWEN3, true, false",
        "LLAMA, false, false",
        "LLAMA, true, false",
        "QWEN3, true, true"
    })
    void gradientsOfEveryLossAgree(ModelConfig.Architecture architecture, boolean tied, boolean adapters)
            throws IOException, InterruptedException {
        Lora lora = adapters ? new Lora(3, 6, List.of("q_proj", "v_proj", "o_proj", "up_proj", "down_proj")) : null;
        Path policy = policy(architecture, tied, lora);
        Batch batch = golden(61);
        List<Map<String, float[]>> found = new ArrayList<>();
        List<Path> stored = new ArrayList<>();
        try (DjlBackend djl = djl(policy, lora);
                TorchBackend torch = torch(policy, 1, lora)) {
            // Away from the base, so that the KL term has a gradient, and from adapters that are zero.
            for (TensorBackend backend : List.of(djl, torch)) {
                backend.accumulate(
                        batch.sequences(),
                        batch.cases().get(0).plan(),
                        batch.cases().get(0).rule(),
                        TEMPERATURE);
                assertThat(backend.step(ALONG).taken()).isTrue();
            }
            List<Trainer.Score> scores = djl.score(batch.sequences(), TEMPERATURE);
            agree(scores, torch.score(batch.sequences(), TEMPERATURE));
            batch = batch.near(scores);
            for (int i = 0; i < batch.cases().size(); i++) {
                Case c = batch.cases().get(i);
                double[] losses = new double[2];
                for (TensorBackend backend : List.of(djl, torch)) {
                    Trainer.Accumulated sum = backend.accumulate(batch.sequences(), c.plan(), c.rule(), TEMPERATURE);
                    assertThat(backend.step(READING).taken()).isTrue();
                    Path checkpoint = Files.createDirectories(scratch.resolve(i + (backend == djl ? "djl" : "torch")));
                    backend.save(checkpoint, Disk.REAL);
                    losses[backend == djl ? 0 : 1] = sum.loss();
                    if (backend == djl) {
                        found.add(firstMoments(checkpoint));
                    } else {
                        stored.add(checkpoint.resolve("backend"));
                    }
                }
                assertThat(losses[1]).as(c.rule().toString()).isCloseTo(losses[0], relative(losses[0]));
            }
        }
        readable(stored);
        double worst = 0;
        for (int i = 0; i < found.size(); i++) {
            worst = Math.max(
                    worst,
                    farthest(
                            found.get(i),
                            slots(firstMoments(stored.get(i)), found.get(i)),
                            GRADIENTS,
                            batch.cases().get(i).rule().toString()));
        }
        System.out.printf(
                "gradients of %d losses, %s, tied %s, adapters %s: worst difference %.2g%n",
                found.size(), architecture, tied, adapters, worst);
    }

    @ParameterizedTest
    @CsvSource({"QWEN2, false, false, 1", "QWEN3, true, false, 2", "LLAMA, true, false, 1", "LLAMA, false, true, 1"})
    void tenStepsOfAdamWAgree(ModelConfig.Architecture architecture, boolean tied, boolean adapters, int processes)
            throws IOException {
        Lora lora = adapters ? new Lora(3, 6, List.of("q_proj", "v_proj", "gate_proj")) : null;
        Path policy = policy(architecture, tied, lora);
        // A bias of the keys shifts all scores of a query alike: its gradient is rounding, of which a small epsilon
        // would make whole
        // steps.
        Trainer.AdamW settings = new Trainer.AdamW(1e-3, 0.9, 0.95, 1e-6, 0.1, 0.5);
        Batch batch = golden(61);
        Path[] files = {scratch.resolve("djl.safetensors"), scratch.resolve("torch.safetensors")};
        try (DjlBackend djl = djl(policy, lora);
                TorchBackend torch = torch(policy, processes, lora)) {
            batch = batch.near(djl.score(batch.sequences(), TEMPERATURE));
            TensorBackend[] backends = {djl, torch};
            for (int b = 0; b < 2; b++) {
                for (int step = 0; step < 10; step++) {
                    // Every aggregation and ratio, plain, with all regularisers and shaped.
                    Case c = batch.cases().get((7 * step + 1) % batch.cases().size());
                    backends[b].accumulate(batch.sequences(), c.plan(), c.rule(), TEMPERATURE);
                    assertThat(backends[b].step(settings).taken()).isTrue();
                }
                assertThat(backends[b].steps()).isEqualTo(10);
                assertThat(backends[b].export(files[b], Disk.REAL)).hasSize(64);
            }
            agree(djl.score(batch.sequences(), TEMPERATURE), torch.score(batch.sequences(), TEMPERATURE));
        }
        Map<String, float[]> before = read(scratch.resolve("policy/model.safetensors"));
        Map<String, float[]> embedded = read(files[0]);
        assertThat(embedded.entrySet().stream().anyMatch(e -> !Arrays.equals(e.getValue(), before.get(e.getKey()))))
                .isTrue();
        Map<String, float[]> like = new TreeMap<>(embedded);
        like.keySet().removeIf(name -> name.matches(".*\\.(k|v|up)_proj\\..*"));
        double worst = farthest(slots(embedded, like), slots(read(files[1]), like), WEIGHTS, "after ten steps");
        System.out.printf(
                "ten steps, %s, tied %s, adapters %s, %d processes: worst difference %.2g%n",
                architecture, tied, adapters, processes, worst);
    }

    private static void agree(List<Trainer.Score> djl, List<Trainer.Score> torch) {
        for (int i = 0; i < djl.size(); i++) {
            for (int t = 0; t < djl.get(i).logProbs().length; t++) {
                assertThat(torch.get(i).logProbs()[t]).isCloseTo(djl.get(i).logProbs()[t], offset((float) LOG_PROBS));
            }
        }
    }

    private static Offset<Double> relative(double value) {
        return offset(GRADIENTS * Math.max(1, Math.abs(value)));
    }

    /** The norm of the difference of the tensor that differs most, of the norm of the tensor. */
    private static double farthest(Map<String, float[]> wanted, Map<String, float[]> found, double bound, String what) {
        assertThat(found.keySet()).isEqualTo(wanted.keySet());
        double worst = 0;
        for (var e : wanted.entrySet()) {
            double size = 0;
            double difference = 0;
            float[] other = found.get(e.getKey());
            assertThat(other).as(e.getKey()).hasSameSizeAs(e.getValue());
            for (int i = 0; i < other.length; i++) {
                size = Math.hypot(size, e.getValue()[i]);
                difference = Math.hypot(difference, e.getValue()[i] - other[i]);
            }
            assertThat(difference)
                    .as("%s: %s, whose norm is %.2g", what, e.getKey(), size)
                    .isLessThanOrEqualTo(bound * size);
            worst = Math.max(worst, size == 0 ? 0 : difference / size);
        }
        return worst;
    }

    /** The torch worker's tensors as the embedded backend stacks them: q, k and v in one, gate and up in another. */
    private static Map<String, float[]> slots(Map<String, float[]> parts, Map<String, float[]> like) {
        Map<String, float[]> out = new TreeMap<>();
        Map<String, float[]> left = new LinkedHashMap<>(parts);
        for (String name : like.keySet()) {
            List<String> names = name.contains("lora")
                    ? List.of(name)
                    : name.contains("q_proj")
                            ? List.of(name, name.replace("q_proj", "k_proj"), name.replace("q_proj", "v_proj"))
                            : name.contains("gate_proj")
                                    ? List.of(name, name.replace("gate_proj", "up_proj"))
                                    : List.of(name);
            float[] all = {};
            for (String part : names) {
                assertThat(left).containsKey(part);
                float[] own = left.remove(part);
                int at = all.length;
                all = Arrays.copyOf(all, at + own.length);
                System.arraycopy(own, 0, all, at, own.length);
            }
            out.put(name, all);
        }
        assertThat(left).isEmpty();
        return out;
    }

    private static Map<String, float[]> firstMoments(Path directory) throws IOException {
        Map<String, float[]> out = new TreeMap<>();
        read(directory.resolve("moments.safetensors")).forEach((name, values) -> {
            if (name.startsWith("m.")) {
                out.put(name, values);
            }
        });
        assertThat(out).isNotEmpty();
        return out;
    }

    /** Writes what distributed checkpoints hold into files that can be read here. */
    private void readable(List<Path> directories) throws IOException, InterruptedException {
        TorchEnvironment found = environment;
        assertThat(found).isNotNull();
        List<String> command = new ArrayList<>(List.of(
                found.python().toString(), PACKAGE.resolve("tests/moments.py").toString()));
        directories.forEach(d -> command.add(d.toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
    }

    /** The float32 tensors of a safetensors file. */
    private static Map<String, float[]> read(Path file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        int header = Math.toIntExact(bytes.getLong());
        JsonNode json = MAPPER.readTree(bytes.array(), Long.BYTES, header);
        Map<String, float[]> out = new TreeMap<>();
        for (var e : json.properties()) {
            if (e.getKey().equals("__metadata__")) {
                continue;
            }
            assertThat(e.getValue().get("dtype").asText()).isEqualTo("F32");
            int begin = e.getValue().get("data_offsets").get(0).asInt();
            int end = e.getValue().get("data_offsets").get(1).asInt();
            float[] values = new float[(end - begin) / Float.BYTES];
            bytes.slice(Long.BYTES + header + begin, end - begin)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .asFloatBuffer()
                    .get(values);
            out.put(e.getKey(), values);
        }
        return out;
    }
}
