package io.foothold.policy;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.foothold.core.policy.Canary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Weights that lie beside those that sample: they can be asked what they compute before anything is sampled with them. Whoever staged them
 * gives them to {@link GenerationEngine#swap(StagedWeights, long)} or {@link GenerationEngine#replace(StagedWeights, long)}, or closes
 * them. Owned by the engine's thread.
 */
public final class StagedWeights implements AutoCloseable {
    private final Transformer transformer;
    private final GenerationEngine.Settings settings;
    private final WeightStore folded;

    /**
     * Folds weights.
     *
     * @param like weights of the same engine, of which equal tensors are used again; null for none
     */
    StagedWeights(
            Transformer transformer,
            GenerationEngine.Settings settings,
            PolicyWeights weights,
            @Nullable StagedWeights like) {
        this.transformer = transformer;
        this.settings = settings;
        this.folded = Folding.of(transformer, weights, false, "f[]", like == null ? null : like.folded);
    }

    /** What the script folded of them; owned by this object. */
    IValue folded() {
        return folded.list();
    }

    /**
     * Log-probs, at temperature 1 and full support, that these weights give tokens of each sequence, by the two calls that sample: a prefill
     * of what stands before, and a decode step over the cache. Not a forward pass of its own: what went wrong there would not show. Of each
     * sequence the second token, decoded from an empty cache, and the last one, decoded behind all of it: little work beside an update, and
     * old weights in any layer show on any token.
     *
     * @param sequences token ids, at least two each; longer ones than the engine takes are cut
     * @return what was scored, first over a cache that was filled just before, then once more over the keys that lie there
     * @throws PolicyException for a token id outside of the vocabulary
     */
    public ColdAndWarm score(List<int[]> sequences) {
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
            if (ids.length > 2) {
                rows.add(new Row(i, ids, ids.length - 2));
            }
            longest = Math.max(longest, ids.length);
        }
        try (NativeSteps.Step step = NativeSteps.enter();
                KeyValueCache cache = new KeyValueCache(transformer, (rows.size() + 7) / 8 * 8, longest)) {
            for (int r = 0; r < rows.size(); r++) {
                prefill(rows.get(r), r, cache);
            }
            return new ColdAndWarm(decode(rows, cache), decode(rows, cache));
        }
    }

    /**
     * What was scored.
     *
     * @param cold over a cache that was filled just before
     * @param warm over the keys that the first time left there
     */
    public record ColdAndWarm(List<Canary.Scored> cold, List<Canary.Scored> warm) {}

    /** The token behind {@code from}: what stands before that is prefilled. */
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
                        "prefill", folded(), cache.keys(), cache.values(), idValue, slotValue, originValue)) {
            if (done.toLong() != 1) {
                throw new IllegalStateException("prefilled " + done.toLong() + " of 1");
            }
        }
    }

    /** Decodes the given token of every row in one step; gives their log-probs. */
    private List<Canary.Scored> decode(List<Row> rows, KeyValueCache cache) {
        // As in the engine: a row of a matrix product keeps its bits in batches of 7 rows and more, not in smaller
        // ones.
        int n = (rows.size() + 7) / 8 * 8;
        long[] state = new long[n * 4];
        float[] numbers = new float[n * 3];
        int longest = 1;
        for (int r = 0; r < n; r++) {
            numbers[r * 3] = 1;
            numbers[r * 3 + 1] = 1;
            state[r * 4 + 3] = -1;
            if (r < rows.size()) {
                Row row = rows.get(r);
                state[r * 4] = row.ids()[row.from()];
                state[r * 4 + 1] = row.from();
                state[r * 4 + 3] = row.ids()[row.from() + 1];
                longest = Math.max(longest, row.from() + 1);
            }
        }
        float[] logProbs = transformer
                .decode(
                        folded(),
                        cache,
                        new Transformer.Decode(
                                n, 1, state, numbers, new long[] {n, longest}, new long[0], new long[n], false, false))
                .logProbs();
        List<Canary.Scored> out = new ArrayList<>();
        for (int r = 0; r < rows.size(); r++) {
            out.add(new Canary.Scored(rows.get(r).sequence(), rows.get(r).from(), new float[] {logProbs[r]}));
        }
        return out;
    }

    @Override
    public void close() {
        folded.close();
    }
}
