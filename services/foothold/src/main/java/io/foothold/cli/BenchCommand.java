package io.foothold.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
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
    private static final int[] BATCHES = {1, 16, 64, 256};
    private static final List<String> PARTS = List.of("engine", "learner", "run", "sampler");

    @Option(names = "--json", description = "Prints one JSON object a line instead of text.")
    private boolean json;

    @Option(names = "--model", description = "Policy directory (default: the shipped shape with random weights).")
    private String model = "";

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
        if (only.contains("engine")) {
            ObjectNode line = line("engine");
            ObjectNode rates = line.putObject("useful_tokens_per_s");
            ObjectNode occupancy = line.putObject("slot_occupancy");
            for (int batch : BATCHES) {
                EngineBench.Result result = EngineBench.measure(weights, batch, attention);
                rates.put(Integer.toString(batch), Math.round(result.usefulTokensPerSecond()));
                occupancy.put(Integer.toString(batch), Math.round(result.occupancy() * 1000) / 1000.0);
            }
            print(line);
        }
        if (only.contains("learner")) {
            print(line("learner, dense: 96 x (20 + 51), no prompt shared")
                    .put("learner_trained_tokens_per_s", Math.round(LearnerBench.measure(weights, attention, false))));
            print(line("learner, ragged: 12 prompts shared by 8")
                    .put("learner_trained_tokens_per_s", Math.round(LearnerBench.measure(weights, attention, true))));
        }
        if (only.contains("run")) {
            RunBench bench = new RunBench(home, weights, attention);
            bench.measure().forEach((what, numbers) -> {
                ObjectNode line = line(what);
                numbers.forEach((name, value) -> line.put(name, Math.round(value * 1000) / 1000.0));
                print(line);
            });
        }
        if (only.contains("sampler")) {
            ObjectNode line = line("sampler");
            new SamplerBench(home, weights, attention, rollouts, inference, publish)
                    .measure()
                    .forEach((name, value) -> line.put(name, Math.round(value * 1000) / 1000.0));
            print(line);
        }
        return 0;
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
