package io.foothold.cli;

import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.Lora;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.Precision;
import io.foothold.policy.TrainingSize;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * How a run's processes are set up for its model: what was chosen, and else what follows from the model and the run file.
 *
 * @param config shape of the model
 * @param precision of attention, in learner and engine
 * @param difference largest difference of sampler and learner, nats; infinite where a mismatch rule corrects for it
 * @param deterministic whether tokens are independent of batch neighbours
 * @param engine size of our own engine; empty where inference servers sample that are there already
 * @param microBatchTokens largest count of tokens of a micro-batch
 */
record RunShape(
        ModelConfig config,
        Precision precision,
        double difference,
        boolean deterministic,
        Optional<EngineSize> engine,
        int microBatchTokens) {
    private static final double MIB = 1024 * 1024;

    /**
     * The shape of a run.
     *
     * @param deterministic as the user chose; null takes it with exact precision
     * @param slots as the user chose; 0 derives them
     * @param maxLength as the user chose; 0 derives it
     */
    static RunShape of(
            RunFile file,
            PolicyDirectory policy,
            Inference inference,
            @Nullable Boolean deterministic,
            int slots,
            int maxLength) {
        ModelConfig config = policy.config();
        Precision precision = file.automatic("precision")
                ? Precision.standard(config)
                : Precision.valueOf(file.text("precision").toUpperCase(Locale.ROOT));
        return new RunShape(
                config,
                precision,
                file.automatic("max_log_prob_difference")
                        ? precision.largestDifference(
                                !file.text("loss.mismatch.rule").equals("none"))
                        : file.number("max_log_prob_difference"),
                deterministic == null ? precision == Precision.EXACT : deterministic,
                inference.elsewhere()
                        ? Optional.empty()
                        : Optional.of(EngineSize.ofTraining(file, policy, maxLength, slots, precision)),
                file.automatic("optimizer.micro_batch_tokens")
                        ? TrainingSize.microBatchTokens(config)
                        : file.count("optimizer.micro_batch_tokens"));
    }

    /** Settings of the policy server. */
    Map<String, String> serverSettings(PolicyDirectory policy) {
        Map<String, String> out = new LinkedHashMap<>();
        out.put("foothold.policy-server.model", policy.path().toAbsolutePath().toString());
        out.put("foothold.policy-server.precision", precision.word());
        out.put("foothold.policy-server.deterministic", Boolean.toString(deterministic));
        engine.ifPresent(size -> {
            out.put("foothold.policy-server.slots", Integer.toString(size.slots()));
            out.put("foothold.policy-server.max-length", Integer.toString(size.maxLength()));
        });
        return out;
    }

    /** What was decided, in one line. */
    String told() {
        String sampling = engine.map(size -> String.format(
                        Locale.ROOT,
                        "%s; sequences of up to %d tokens, %d at a time; ",
                        deterministic ? "deterministic" : "not deterministic",
                        size.maxLength(),
                        size.slots()))
                .orElse("");
        return String.format(
                Locale.ROOT,
                "%,d parameters: %s precision (%s), %smicro-batches of %d " + "tokens",
                config.parameters(),
                precision.word(),
                Double.isInfinite(difference)
                        ? "what sampler and learner differ by is corrected by loss.mismatch"
                        : "log-probs of sampler and learner may differ by " + difference + " nats",
                sampling,
                microBatchTokens);
    }

    /** What learner and policy server will need, in one line. */
    String memory(Optional<Lora> lora, Inference inference) {
        // Adapters: frozen and merged weights, and inside a micro-batch the merged matrices with their gradients.
        long adapters = lora.map(l -> l.parameters(config)).orElse(0L);
        double learner = (config.parameters() + adapters) * 4.0 * 4 / MIB;
        double activations = (double) microBatchTokens * TrainingSize.bytesPerToken(config) / MIB;
        String server = engine.map(size -> String.format(
                        Locale.ROOT,
                        "policy server %.0f MiB of weights + %.0f MiB of cache (%d slots of %d tokens)",
                        config.parameters() * 4.0 / MIB,
                        size.cacheBytes(config, precision) / MIB,
                        size.slots(),
                        size.maxLength()))
                .orElseGet(() -> "sampling needs nothing here, it is done by " + inference.names());
        return String.format(
                Locale.ROOT,
                "memory estimate: learner %.0f MiB (%s) + at most %.0f MiB of activations and logits; %s; %,d parameters",
                learner,
                adapters == 0
                        ? "weights, gradients, two moments"
                        : String.format(
                                Locale.ROOT,
                                "frozen and merged weights, in a micro-batch once more with gradients; "
                                        + "%,d parameters of adapters with gradients and two moments",
                                adapters),
                activations,
                server,
                config.parameters());
    }
}
