package io.foothold.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.bench.BenchShape;
import io.foothold.cli.bench.EngineBench;
import io.foothold.cli.bench.LargeRunBench;
import io.foothold.cli.bench.LearnerBench;
import io.foothold.cli.bench.RunBench;
import io.foothold.cli.bench.SamplerBench;
import io.foothold.cli.demo.Bootstrap;
import io.foothold.cli.size.Inference;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.Lora;
import io.foothold.policy.LoraAdapter;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures on the shape of the shipped policy with random weights what {@code load-tests/peers} measures of others. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = "Measures engine, learner and whole runs; random weights, so that sequences end raggedly.")
final class BenchCommand implements Callable<Integer> {
    private static final Lora ADAPTERS = new Lora(16, 32, Lora.ALL);
    private static final List<String> PARTS = List.of("engine", "learner", "run", "sampler");

    @Option(names = "--json", description = "Prints one JSON object a line instead of text.")
    private boolean json;

    @Option(
            names = "--model",
            description =
                    "Policy directory (default: the shipped shape with random weights); from 10 million parameters on the "
                            + "pieces are fewer and smaller.")
    private String model = "";

    @Option(
            names = "--full",
            description = "Trains all weights in the whole run of a model of real size, and not adapters of rank 16.")
    private boolean full;

    @Option(
            names = "--threads",
            description = "Intra-op threads of libtorch for engine and learner (default: ${DEFAULT-VALUE}).")
    private int threads = 1;

    @Option(names = "--precision", description = "exact or fast (default: ${DEFAULT-VALUE}).")
    private String precision = "fast";

    @Option(
            names = "--only",
            split = ",",
            description = "Parts to measure: engine, learner, run, sampler (default: the first three).")
    private List<String> only = PARTS.subList(0, 3);

    @Option(names = "--rollouts", description = "Rollouts of the sampler part (default: ${DEFAULT-VALUE}).")
    private int rollouts = 16_000;

    @Option(
            names = "--publish",
            description =
                    "Publishes weights while the sampler part samples on servers of --inference too, which then end with "
                            + "random weights.")
    private boolean publish;

    @Mixin
    private final Inference inference = new Inference();

    @Option(
            names = "--home",
            description = "Directory of the whole run's ledger (default: a new one under foothold-home).")
    private Path home = Path.of("foothold-home", "bench-" + System.currentTimeMillis());

    private final ObjectMapper mapper = new ObjectMapper();

    @Override
    public Integer call() throws Exception {
        Precision attention = attention();
        for (String part : only) {
            if (!PARTS.contains(part)) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, "--only " + part + ": expected " + String.join(", ", PARTS));
            }
        }
        System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        NativeRuntime.enterThread();
        PolicyWeights weights = model.isEmpty()
                ? PolicyWeights.random(Bootstrap.shape(), 0, 0.02)
                : PolicyDirectory.open(Path.of(model)).weights();
        BenchShape shape = BenchShape.of(weights.config());
        if (only.contains("engine")) {
            engine(weights, shape, attention);
        }
        if (only.contains("learner")) {
            learner(weights, shape, attention);
        }
        if (only.contains("run")) {
            run(weights, shape, attention);
        }
        if (only.contains("sampler")) {
            if (shape.isLarge()) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "--only sampler: measured with a thousand rollouts in flight, with the shipped policy's shape only");
            }
            print("sampler", new SamplerBench(home, weights, attention, rollouts, inference, publish).measure());
        }
        return 0;
    }

    private void engine(PolicyWeights weights, BenchShape shape, Precision attention) {
        engine("engine", weights, shape, shape.batches(), 1, attention);
        if (shape.isLarge()) {
            int group = shape.rowsPerPrompt();
            List<Integer> batches =
                    shape.batches().stream().filter(b -> b >= group).toList();
            engine("engine, prompts shared by " + group, weights, shape, batches, group, attention);
        }
    }

    private void engine(
            String what,
            PolicyWeights weights,
            BenchShape shape,
            List<Integer> batches,
            int rowsPerPrompt,
            Precision attention) {
        ObjectNode line = line(what);
        ObjectNode rates = line.putObject("useful_tokens_per_s");
        ObjectNode cpu = line.putObject("useful_tokens_per_cpu_s");
        ObjectNode occupancy = line.putObject("slot_occupancy");
        for (int batch : batches) {
            EngineBench.Result result = EngineBench.measure(weights, shape, batch, rowsPerPrompt, attention);
            String size = Integer.toString(batch);
            rates.put(size, rounded(result.usefulTokensPerSecond()));
            cpu.put(size, rounded(result.usefulTokensPerCpuSecond()));
            occupancy.put(size, rounded(result.occupancy()));
        }
        print(line);
    }

    private void learner(PolicyWeights weights, BenchShape shape, Precision attention) {
        print(
                String.format(
                        Locale.ROOT,
                        "learner, dense: %d x (%d + %d), no prompt shared",
                        shape.rows(),
                        shape.prompt(),
                        shape.response()),
                LearnerBench.measure(weights, shape, attention, false, null));
        String groups = String.format(
                Locale.ROOT, "%d prompts shared by %d", shape.rows() / shape.rowsPerPrompt(), shape.rowsPerPrompt());
        print(
                "learner, " + (shape.ragged() ? "ragged: " : "shared: ") + groups,
                LearnerBench.measure(weights, shape, attention, true, null));
        if (shape.isLarge()) {
            print(
                    "learner, adapters of rank " + ADAPTERS.rank() + ": " + groups,
                    LearnerBench.measure(
                            weights, shape, attention, true, LoraAdapter.fresh(weights.config(), ADAPTERS, 0)));
        }
    }

    private void run(PolicyWeights weights, BenchShape shape, Precision attention) throws Exception {
        if (!shape.isLarge()) {
            new RunBench(home, weights, attention).measure().forEach(this::print);
            return;
        }
        print(
                full ? "whole GRPO run, all weights" : "whole GRPO run, adapters of rank 16",
                new LargeRunBench(home, PolicyDirectory.open(Path.of(model)), !full).measure());
    }

    private static double rounded(double value) {
        return Math.round(value * 1000) / 1000.0;
    }

    private void print(String what, Map<String, Double> numbers) {
        ObjectNode line = line(what);
        numbers.forEach((name, value) -> line.put(name, rounded(value)));
        print(line);
    }

    private void print(String what, LearnerBench.Result result) {
        print(line(what)
                .put("learner_trained_tokens_per_s", rounded(result.tokensPerSecond()))
                .put("learner_trained_tokens_per_cpu_s", rounded(result.tokensPerCpuSecond()))
                .put("learner_trained_rollouts_per_cpu_s", rounded(result.rowsPerCpuSecond())));
    }

    private Precision attention() {
        return switch (precision) {
            case "exact" -> Precision.EXACT;
            case "fast" -> Precision.FAST;
            default ->
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, "--precision " + precision + ": expected exact or fast");
        };
    }

    private ObjectNode line(String what) {
        return mapper.createObjectNode()
                .put("system", "foothold " + what)
                .put("threads", threads)
                .put("precision", precision);
    }

    private void print(ObjectNode line) {
        if (json) {
            System.out.println(line);
            return;
        }
        StringBuilder out = new StringBuilder(line.path("system").asText());
        line.properties().forEach(field -> {
            if (!field.getKey().equals("system")) {
                out.append(String.format(Locale.ROOT, "%n  %-30s %s", field.getKey(), field.getValue()));
            }
        });
        System.out.println(out);
    }
}
