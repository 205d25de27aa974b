package io.foothold.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.bench.Benches;
import io.foothold.cli.demo.Bootstrap;
import io.foothold.cli.size.Inference;
import io.foothold.cli.terminal.Words;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
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
    private static final List<String> PARTS = List.of("engine", "learner", "run", "sampler");

    @Option(names = "--json", description = "Prints one JSON object a line instead of text.")
    private boolean json;

    /** The parts. */
    static final class Parts extends Words {
        Parts() {
            super(PARTS);
        }
    }

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

    @Option(
            names = "--precision",
            completionCandidates = ScoreCommand.Precisions.class,
            description = "exact or fast (default: ${DEFAULT-VALUE}).")
    private String precision = "fast";

    @Option(
            names = "--only",
            split = ",",
            completionCandidates = Parts.class,
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
        Optional<PolicyDirectory> policy =
                model.isEmpty() ? Optional.empty() : Optional.of(PolicyDirectory.open(Path.of(model)));
        PolicyWeights weights =
                policy.map(PolicyDirectory::weights).orElseGet(() -> PolicyWeights.random(Bootstrap.shape(), 0, 0.02));
        Benches benches = new Benches(weights, policy, attention, threads, home, this::print);
        if (only.contains("engine")) {
            benches.engine();
        }
        if (only.contains("learner")) {
            benches.learner();
        }
        if (only.contains("run")) {
            benches.run(!full);
        }
        if (only.contains("sampler")) {
            benches.sampler(rollouts, inference, publish);
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
