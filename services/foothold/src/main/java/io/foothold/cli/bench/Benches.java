package io.foothold.cli.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.size.Inference;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.Lora;
import io.foothold.policy.LoraAdapter;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** All measurements of a policy, each told as a line with what was measured and its numbers. */
public final class Benches {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Lora ADAPTERS = new Lora(16, 32, Lora.ALL);

    private final Optional<PolicyDirectory> policy;
    private final PolicyWeights weights;
    private final BenchShape shape;
    private final Precision precision;
    private final int threads;
    private final Path home;
    private final Consumer<ObjectNode> out;

    /**
     * Measurements.
     *
     * @param weights what is measured
     * @param policy where they lie; empty for weights that were only made for this
     * @param threads intra-op threads of libtorch, to be told
     * @param home directory of the whole runs' ledgers
     * @param out told every line
     */
    public Benches(
            PolicyWeights weights,
            Optional<PolicyDirectory> policy,
            Precision precision,
            int threads,
            Path home,
            Consumer<ObjectNode> out) {
        this.policy = policy;
        this.weights = weights;
        this.shape = BenchShape.of(weights.config());
        this.precision = precision;
        this.threads = threads;
        this.home = home;
        this.out = out;
    }

    /** What the engine samples, by how many sequences at a time. */
    public void engine() {
        engine("engine", shape.batches(), 1);
        if (shape.isLarge()) {
            int group = shape.rowsPerPrompt();
            List<Integer> batches =
                    shape.batches().stream().filter(b -> b >= group).toList();
            engine("engine, prompts shared by " + group, batches, group);
        }
    }

    private void engine(String what, List<Integer> batches, int rowsPerPrompt) {
        ObjectNode line = line(what);
        ObjectNode rates = line.putObject("useful_tokens_per_s");
        ObjectNode cpu = line.putObject("useful_tokens_per_cpu_s");
        ObjectNode occupancy = line.putObject("slot_occupancy");
        for (int batch : batches) {
            EngineBench.Result result = EngineBench.measure(weights, shape, batch, rowsPerPrompt, precision);
            String size = Integer.toString(batch);
            rates.put(size, rounded(result.usefulTokensPerSecond()));
            cpu.put(size, rounded(result.usefulTokensPerCpuSecond()));
            occupancy.put(size, rounded(result.occupancy()));
        }
        out.accept(line);
    }

    /** What the learner trains: with and without prompts in common, a large model with adapters too. */
    public void learner() {
        print(
                String.format(
                        Locale.ROOT,
                        "learner, dense: %d x (%d + %d), no prompt shared",
                        shape.rows(),
                        shape.prompt(),
                        shape.response()),
                LearnerBench.measure(weights, shape, precision, false, null));
        String groups = String.format(
                Locale.ROOT, "%d prompts shared by %d", shape.rows() / shape.rowsPerPrompt(), shape.rowsPerPrompt());
        print(
                "learner, " + (shape.ragged() ? "ragged: " : "shared: ") + groups,
                LearnerBench.measure(weights, shape, precision, true, null));
        if (shape.isLarge()) {
            print(
                    "learner, adapters of rank " + ADAPTERS.rank() + ": " + groups,
                    LearnerBench.measure(
                            weights, shape, precision, true, LoraAdapter.fresh(weights.config(), ADAPTERS, 0)));
        }
    }

    /**
     * What whole runs take.
     *
     * @param adapters whether a large model trains adapters, and not all its weights
     */
    public void run(boolean adapters) throws Exception {
        if (!shape.isLarge()) {
            new RunBench(home, weights, precision).measure().forEach(this::print);
            return;
        }
        print(
                adapters ? "whole GRPO run, adapters of rank 16" : "whole GRPO run, all weights",
                new LargeRunBench(home, policy.orElseThrow(), adapters).measure());
    }

    /**
     * What the sampler sustains with a thousand rollouts in flight.
     *
     * @param publish whether weights are published meanwhile to the servers of others too
     */
    public void sampler(int rollouts, Inference inference, boolean publish) throws Exception {
        if (shape.isLarge()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "--only sampler: measured with a thousand rollouts in flight, with the shipped policy's shape only");
        }
        print("sampler", new SamplerBench(home, weights, precision, rollouts, inference, publish).measure());
    }

    private static double rounded(double value) {
        return Math.round(value * 1000) / 1000.0;
    }

    private void print(String what, Map<String, Double> numbers) {
        ObjectNode line = line(what);
        numbers.forEach((name, value) -> line.put(name, rounded(value)));
        out.accept(line);
    }

    private void print(String what, LearnerBench.Result result) {
        out.accept(line(what)
                .put("learner_trained_tokens_per_s", rounded(result.tokensPerSecond()))
                .put("learner_trained_tokens_per_cpu_s", rounded(result.tokensPerCpuSecond()))
                .put("learner_trained_rollouts_per_cpu_s", rounded(result.rowsPerCpuSecond())));
    }

    private ObjectNode line(String what) {
        return MAPPER.createObjectNode()
                .put("system", "foothold " + what)
                .put("threads", threads)
                .put("precision", precision.name().toLowerCase(Locale.ROOT));
    }
}
