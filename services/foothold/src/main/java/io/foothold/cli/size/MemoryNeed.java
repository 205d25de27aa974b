package io.foothold.cli.size;

import io.foothold.cli.machine.Memory;
import io.foothold.policy.Lora;
import io.foothold.policy.ModelSize;
import io.foothold.policy.Precision;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What the processes of a run need by its shape, and which settings would make it less. Bytes; estimates but for {@link #least}.
 *
 * @param model how large the model is
 * @param precision of attention
 * @param engine size of our own engine; empty where others sample
 * @param microBatchTokens largest count of tokens of a micro-batch
 * @param lora adapters; empty when all weights are trained
 * @param reference whether a KL term keeps the base policy
 */
public record MemoryNeed(
        ModelSize model,
        Precision precision,
        Optional<EngineSize> engine,
        int microBatchTokens,
        Optional<Lora> lora,
        boolean reference) {
    /** A Java process with our services, and with libtorch in those that compute. */
    private static final long PROCESS = 350L << 20;

    private static final int FEWEST_SLOTS = 8;
    private static final int FEWEST_TOKENS = 256;
    /** What is proposed instead of training all weights. */
    private static final Lora ADAPTERS = new Lora(16, 32, List.of());

    private static final String ADAPTERS_TOLD = "optimizer.lora: {rank: 16, alpha: 32}";

    /** The weights as they are computed with. */
    long weights() {
        return model.parameters() * Float.BYTES;
    }

    /** Weights, gradients and moments, the base policy too where a KL term refers to it. */
    public long learner() {
        return model.learnerBytes(lora) + (reference ? weights() : 0);
    }

    /** What a micro-batch keeps for its backward pass, and its logits. */
    public long activations() {
        return microBatchTokens * model.bytesPerToken();
    }

    /** Weights of our own engine, and those that are published beside them. */
    public long server() {
        return engine.isPresent() ? 2 * weights() : 0;
    }

    /** Keys and values of all slots. */
    public long cache() {
        return engine.flatMap(size -> model.embedded().map(config -> size.cacheBytes(config, precision)))
                .orElse(0L);
    }

    /** All of it, in all processes. */
    public long all() {
        return learner() + activations() + server() + cache() + (engine.isPresent() ? 3 : 2) * PROCESS;
    }

    /** What no run of this model and these adapters can do without, whatever else is set. */
    public long least() {
        long trained = lora.isPresent() ? weights() : 4 * weights();
        return trained + (engine.isPresent() ? weights() : 0);
    }

    /** Where it comes from, in one line. */
    public String told() {
        return String.format(
                Locale.ROOT,
                "learner %s of %s + at most %s of activations and logits (micro-batches of %d tokens)%s; %s for the processes",
                Memory.told(learner()),
                lora.isPresent()
                        ? String.format(
                                Locale.ROOT,
                                "frozen weights and adapters of %,d parameters",
                                model.parameters(lora.get()))
                        : "weights, gradients and two moments",
                Memory.told(activations()),
                microBatchTokens,
                engine.map(size -> String.format(
                                Locale.ROOT,
                                "; policy server %s of weights + %s of keys and values (%d slots of %d tokens)",
                                Memory.told(server()),
                                Memory.told(cache()),
                                size.slots(),
                                size.maxLength()))
                        .orElse(""),
                Memory.told((engine.isPresent() ? 3 : 2) * PROCESS));
    }

    /**
     * The settings that make it fit, the least change first: fewer slots, a smaller micro-batch, both, adapters instead of all weights.
     *
     * @param excess how much is too much, bytes
     * @return what to write, such as {@code --slots 32}; empty where none of it helps
     */
    public Optional<String> advice(long excess) {
        long most = all() - excess;
        return changes().stream()
                .filter(change -> change.need().all() <= most)
                .map(Change::told)
                .findFirst();
    }

    /** Settings as a user writes them, and what is needed with them. */
    private record Change(String told, MemoryNeed need) {}

    private List<Change> changes() {
        List<Change> out = new ArrayList<>(slots());
        out.addAll(microBatches(this, ""));
        List<Change> fewestSlots = slots();
        if (!fewestSlots.isEmpty()) {
            Change fewest = fewestSlots.getLast();
            out.addAll(microBatches(fewest.need(), fewest.told() + " and "));
        }
        if (lora.isEmpty()) {
            MemoryNeed adapted =
                    new MemoryNeed(model, precision, engine, microBatchTokens, Optional.of(ADAPTERS), reference);
            out.add(new Change(ADAPTERS_TOLD, adapted));
            adapted.changes().forEach(c -> out.add(new Change(ADAPTERS_TOLD + " and " + c.told(), c.need())));
        }
        return out;
    }

    /** Fewer and fewer slots. */
    private List<Change> slots() {
        List<Change> out = new ArrayList<>();
        engine.ifPresent(size -> {
            for (int n = (size.slots() - 1) / FEWEST_SLOTS * FEWEST_SLOTS; n >= FEWEST_SLOTS; n -= FEWEST_SLOTS) {
                EngineSize fewer = new EngineSize(size.maxLength(), n);
                out.add(new Change(
                        "--slots " + n,
                        new MemoryNeed(model, precision, Optional.of(fewer), microBatchTokens, lora, reference)));
            }
        });
        return out;
    }

    /** Smaller and smaller micro-batches, as long as the longest sequence fits one: it is never cut. */
    private static List<Change> microBatches(MemoryNeed from, String before) {
        int fewest =
                Math.max(FEWEST_TOKENS, from.engine.map(EngineSize::maxLength).orElse(0));
        List<Change> out = new ArrayList<>();
        for (int n = (from.microBatchTokens - 1) / FEWEST_TOKENS * FEWEST_TOKENS; n >= fewest; n -= FEWEST_TOKENS) {
            out.add(new Change(
                    before + "optimizer.micro_batch_tokens: " + n,
                    new MemoryNeed(from.model, from.precision, from.engine, n, from.lora, from.reference)));
        }
        return out;
    }
}
