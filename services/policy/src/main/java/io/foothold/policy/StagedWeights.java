package io.foothold.policy;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.foothold.core.policy.Canary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Weights that lie beside those that sample: they can be asked what they compute before anything is sampled with them. Whoever staged them
 * gives them to {@link GenerationEngine#swap(StagedWeights, long)} or {@link GenerationEngine#replace(StagedWeights, long)}, or closes
 * them. Owned by the engine's thread.
 */
public final class StagedWeights implements AutoCloseable {
    private final Transformer transformer;
    private final GenerationEngine.Settings settings;
    private final WeightStore weights;
    private final IValue folded;

    StagedWeights(Transformer transformer, GenerationEngine.Settings settings, PolicyWeights weights) {
        this.transformer = transformer;
        this.settings = settings;
        this.weights = WeightStore.of(transformer, weights, "w[]", false);
        this.folded = transformer.call("fold", this.weights.list());
    }

    /** What the script folded of them; owned by this object. */
    IValue folded() {
        return folded;
    }

    /**
     * Log-probs, at temperature 1 and full support, that these weights give tokens of each sequence, by the two calls that sample: a prefill
     * of what stands before, and a call of decode steps over a cache. Not a forward pass of its own: what went wrong there would not show.
     * Of each sequence the first tokens, decoded from an empty cache, and the last ones, decoded behind all of it; each as many as one call
     * decodes. That is little work beside an update, and old weights in any layer show on any token.
     *
     * @param sequences token ids, at least two each; longer ones than the engine takes are cut
     * @param passes how often over one cache; every pass after the first meets the keys of the one before it
     * @return for each pass what was scored
     * @throws PolicyException for a token id outside of the vocabulary
     */
    public List<List<Canary.Scored>> score(List<int[]> sequences, int passes) {
        int steps = settings.stepsPerCall();
        List<Row> rows = new ArrayList<>();
        int longest = 0;
        for (int i = 0; i < sequences.size(); i++) {
            int[] ids = Arrays.copyOf(sequences.get(i), Math.min(sequences.get(i).length, settings.maxLength()));
            for (int id : ids) {
                if (id < 0 || id >= transformer.config().vocabulary()) {
                    throw new PolicyException("token id " + id + " of a sequence to score is not in 0.."
                            + (transformer.config().vocabulary() - 1));
                }
            }
            rows.add(new Row(i, ids, 0));
            if (ids.length - 1 > steps) {
                rows.add(new Row(i, ids, ids.length - 1 - steps));
            }
            longest = Math.max(longest, ids.length);
        }
        List<List<Canary.Scored>> out = new ArrayList<>();
        try (KeyValueCache cache = new KeyValueCache(
                transformer, settings.precision(), (rows.size() + 7) / 8 * 8, (long) longest + steps)) {
            for (int pass = 0; pass < passes; pass++) {
                for (int r = 0; r < rows.size(); r++) {
                    prefill(rows.get(r), r, cache);
                }
                out.add(decode(rows, cache));
            }
        }
        return out;
    }

    /** The steps of one call, from a place of a sequence on: what is before it is prefilled. */
    private record Row(int sequence, int[] ids, int from) {}

    /** Puts what stands before a row into its keys. */
    private void prefill(Row row, int slot, KeyValueCache cache) {
        if (row.from() == 0) {
            return;
        }
        long[] ids = Arrays.stream(row.ids()).limit(row.from()).asLongStream().toArray();
        try (PtNDManager scope = transformer.scope();
                IValue idValue = IValue.from(Transformer.longs(scope, ids, 1, ids.length));
                IValue slotValue = IValue.from(Transformer.longs(scope, new long[] {slot}, 1));
                IValue originValue = IValue.from(Transformer.longs(scope, new long[] {0}, 1));
                IValue done = transformer.call(
                        "prefill", folded, cache.keys(), cache.values(), idValue, slotValue, originValue)) {
            if (done.toLong() != 1) {
                throw new IllegalStateException("prefilled " + done.toLong() + " of 1");
            }
        }
    }

    /** Decodes the given tokens of every row; gives their log-probs. */
    private List<Canary.Scored> decode(List<Row> rows, KeyValueCache cache) {
        int steps = settings.stepsPerCall();
        int n = (rows.size() + 7) / 8 * 8;
        long[] state = new long[n * (3 + steps)];
        float[] numbers = new float[n * (2 + steps)];
        int longest = 0;
        for (int r = 0; r < n; r++) {
            int at = r * (3 + steps);
            Arrays.fill(state, at + 3, at + 3 + steps, -1);
            numbers[r * (2 + steps)] = 1;
            numbers[r * (2 + steps) + 1] = 1;
            if (r >= rows.size()) {
                continue;
            }
            Row row = rows.get(r);
            int[] ids = row.ids();
            state[at] = ids[row.from()];
            state[at + 1] = row.from();
            for (int s = 0; s < steps && row.from() + 1 + s < ids.length; s++) {
                state[at + 3 + s] = ids[row.from() + 1 + s];
            }
            longest = Math.max(longest, row.from() + steps);
        }
        float[] logProbs;
        try (PtNDManager scope = transformer.scope();
                IValue stateValue = IValue.from(Transformer.longs(scope, state, n, 3 + steps));
                IValue numberValue = IValue.from(Transformer.floats(scope, numbers, n, 2 + steps));
                IValue stepsValue = IValue.from((long) steps);
                IValue blockValue = IValue.from(Transformer.longs(scope, new long[] {n, longest}, 1, 2));
                IValue endValue = IValue.from(Transformer.longs(scope, new long[0], 0));
                IValue holdValue = IValue.from(Transformer.longs(scope, new long[n], n, 1));
                IValue restrictValue = IValue.from(false);
                IValue plainValue = IValue.from(false);
                IValue out = transformer.call(
                        "decode",
                        folded,
                        cache.keys(),
                        cache.values(),
                        stateValue,
                        numberValue,
                        stepsValue,
                        blockValue,
                        endValue,
                        holdValue,
                        restrictValue,
                        plainValue)) {
            IValue[] parts = out.toIValueTuple();
            logProbs = parts[1].toTensor(scope).toFloatArray();
            parts[0].close();
            parts[1].close();
        }
        List<Canary.Scored> out = new ArrayList<>();
        for (int r = 0; r < rows.size(); r++) {
            Row row = rows.get(r);
            int count = Math.min(steps, row.ids().length - 1 - row.from());
            out.add(new Canary.Scored(
                    row.sequence(), row.from(), Arrays.copyOfRange(logProbs, r * steps, r * steps + count)));
        }
        return out;
    }

    @Override
    public void close() {
        folded.close();
        weights.close();
    }
}
