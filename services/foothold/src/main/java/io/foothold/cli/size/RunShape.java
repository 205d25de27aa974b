package io.foothold.cli.size;

import io.foothold.cli.machine.Memory;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.keys.Setting;
import io.foothold.core.policy.Canary;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.ComputeDevice;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.Lora;
import io.foothold.policy.ModelSize;
import io.foothold.policy.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * How a run's processes are set up for its model: what was chosen, and else what follows from the model and the run file.
 *
 * @param model how large the model is
 * @param precision of attention: of our own engine, and of the embedded learner
 * @param difference largest difference of sampler and learner, nats; infinite where a mismatch rule corrects for it
 * @param deterministic whether tokens are independent of batch neighbours
 * @param engine size of our own engine; empty where inference servers sample that are there already
 * @param microBatchTokens largest count of tokens of a micro-batch
 * @param threads of one native operation, in learner and engine each
 * @param slotsWhy what decides how many sequences are sampled at a time, in a few words; empty where others sample
 * @param microBatchWhy what decides how large a micro-batch is
 * @param device where our own engine samples
 */
public record RunShape(
        ModelSize model,
        Precision precision,
        double difference,
        boolean deterministic,
        Optional<EngineSize> engine,
        int microBatchTokens,
        int threads,
        String slotsWhy,
        String microBatchWhy,
        ComputeDevice device) {
    private static final String BOUND = "max_log_prob_difference";

    /**
     * The shape of a run.
     *
     * @param policy where it begins
     * @param torch whether the torch worker learns
     * @param inference who samples
     * @param deterministic as the user chose; null takes it with exact precision
     * @param slots as the user chose; 0 derives them
     * @param maxLength as the user chose; 0 derives it
     * @param threads as the user chose; 0 takes 1
     * @param memory that there is
     * @throws FootholdException INVALID_INPUT for several threads in the deterministic mode, and for answers longer than the model
     */
    public static RunShape of(
            RunFile file,
            CausalModel policy,
            boolean torch,
            Inference inference,
            @Nullable Boolean deterministic,
            int slots,
            int maxLength,
            int threads,
            Memory memory) {
        ModelSize model = policy.size();
        checkLength(file, model, inference);
        Precision precision = precision(file, model);
        // The worker's products are never those of the sampler to the bit.
        Precision learners = torch ? Precision.FAST : precision;
        Optional<EngineSize.Chosen> engine = inference.elsewhere()
                ? Optional.empty()
                : Optional.of(EngineSize.ofTraining(file, policy, maxLength, slots, precision, memory));
        boolean repeats = deterministic == null ? precision == Precision.EXACT : deterministic;
        if (repeats && threads > 1) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "--threads " + threads + ": the deterministic mode has one (--no-deterministic leaves it)");
        }
        OptionalInt chosen = file.settings().optimizer().steps().microBatchTokens();
        int standard = model.microBatchTokens();
        // An update is the sum over its micro-batches: a smaller one changes no more than rounding.
        // By halves, so that it does not follow every other process of the machine.
        int most = model.microBatchTokens(EngineSize.budget(memory));
        int fitting = most < standard ? Integer.highestOneBit(most) : standard;
        return new RunShape(
                model,
                engine.isPresent() ? precision : learners,
                file.settings()
                        .general()
                        .agreement()
                        .maxLogProbDifference()
                        .orElseGet(() -> learners.largestDifference(
                                file.settings().loss().mismatch().corrects())),
                repeats,
                engine.map(EngineSize.Chosen::size),
                chosen.orElse(fitting),
                Math.max(1, threads),
                engine.map(EngineSize.Chosen::why).orElse(""),
                chosen.isPresent()
                        ? "as chosen"
                        : fitting < standard
                                ? "an eighth of the memory available"
                                : "1 GiB of activations and logits at most",
                ComputeDevice.CPU);
    }

    /** The same with our own engine on a device; where that samples in bfloat16 the run's bound is of it unless the file has one. */
    public RunShape on(ComputeDevice other, RunFile file) {
        boolean half = engine.isPresent() && GenerationEngine.Settings.halves(precision, other);
        return new RunShape(
                model,
                precision,
                half && isOpen(file) ? Math.max(difference, Canary.Bound.BFLOAT16.max()) : difference,
                deterministic,
                engine,
                microBatchTokens,
                threads,
                slotsWhy,
                microBatchWhy,
                other);
    }

    private static boolean isOpen(RunFile file) {
        return file.settings().general().agreement().maxLogProbDifference().isEmpty();
    }

    /** How our own engine computes attention, and the embedded learner with it: as the run file says, else as suits the model's size. */
    public static Precision precision(RunFile file, ModelSize model) {
        String precision = file.settings().general().agreement().precision();
        return precision.equals(Setting.AUTO)
                ? model.standardPrecision()
                : Precision.valueOf(precision.toUpperCase(Locale.ROOT));
    }

    /** What answers may take is less than what the model can: where our own engine samples, problems are refused one by one. */
    private static void checkLength(RunFile file, ModelSize model, Inference inference) {
        int most = file.settings().sampling().maxTokens();
        if (inference.elsewhere() && most >= model.maxPositions()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "sampling.max_tokens is " + most + ", and the model takes " + model.maxPositions()
                            + " tokens, prompt and answer together");
        }
    }

    /** Settings of every process that computes. */
    public Map<String, String> nativeSettings() {
        return Map.of("ai.djl.pytorch.num_threads", Integer.toString(threads));
    }

    /** Settings of the run that follow from this machine, beside the user's: none where the model alone decides. */
    public List<String> overrides() {
        List<String> out = new ArrayList<>();
        if (microBatchTokens < model.microBatchTokens() && !microBatchWhy.equals("as chosen")) {
            out.add("optimizer.micro_batch_tokens=" + microBatchTokens);
        }
        // The learner takes the bound of its own precision, and knows nothing of who samples.
        if (difference == Canary.Bound.BFLOAT16.max()) {
            out.add(BOUND + "=" + difference);
        }
        return out;
    }

    /** Settings of the policy server. */
    public Map<String, String> serverSettings(Path policy) {
        Map<String, String> out = new LinkedHashMap<>(nativeSettings());
        out.put("foothold.policy-server.model", policy.toAbsolutePath().toString());
        out.put("foothold.policy-server.precision", precision.word());
        out.put("foothold.policy-server.deterministic", Boolean.toString(deterministic));
        out.put("foothold.policy-server.device", device.name());
        engine.ifPresent(size -> {
            out.put("foothold.policy-server.slots", Integer.toString(size.slots()));
            out.put("foothold.policy-server.max-length", Integer.toString(size.maxLength()));
        });
        return out;
    }

    /** What was decided, in one line. */
    public String told() {
        String sampling = engine.map(size -> String.format(
                        Locale.ROOT,
                        "%s%s; sequences of up to %d tokens, %d at a time (%s); ",
                        deterministic ? "deterministic" : "not deterministic",
                        device.host() ? "" : ", sampled " + RunDevices.told(precision, device),
                        size.maxLength(),
                        size.slots(),
                        slotsWhy))
                .orElseGet(() -> model.maxPositions() == ModelSize.UNBOUNDED
                        ? ""
                        : "sequences of up to " + model.maxPositions() + " tokens, as far as the model reaches; ");
        return String.format(
                Locale.ROOT,
                "%,d parameters: %s precision (%s), %smicro-batches of %d tokens (%s)%s",
                model.parameters(),
                precision.word(),
                Double.isInfinite(difference)
                        ? "what sampler and learner differ by is corrected by loss.mismatch"
                        : "log-probs of sampler and learner may differ by " + difference + " nats",
                sampling,
                microBatchTokens,
                microBatchWhy,
                threads > 1 ? "; " + threads + " threads an operation" : "");
    }

    /**
     * What the run's processes will need.
     *
     * @param reference whether a KL term keeps the base policy
     */
    public MemoryNeed need(Optional<Lora> lora, boolean reference) {
        return new MemoryNeed(model, precision, engine, microBatchTokens, lora, reference);
    }
}
