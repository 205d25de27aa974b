package io.foothold.policy;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Puts the keys and values of what sequences begin with into a cache. Owned by the engine's thread. */
final class Prefilling {
    private static final int PREFILL_BUCKET = 8;
    private static final int PREFILL_TOKENS = 4096;

    private final Transformer transformer;
    private final GenerationEngine.Settings settings;
    private final KeyValueCache cache;

    Prefilling(Transformer transformer, GenerationEngine.Settings settings, KeyValueCache cache) {
        this.transformer = transformer;
        this.settings = settings;
        this.cache = cache;
    }

    /**
     * Fills slots; what begins alike goes through the model once.
     *
     * @param active sequences by slot
     * @param slots those of fresh sequences
     * @return tokens that went through the model
     */
    long fill(List<SampledSequence> active, List<Integer> slots, StagedWeights weights) {
        List<Cached> fresh = new ArrayList<>();
        for (int slot : slots) {
            if (cachedLength(active.get(slot)) > 0) {
                fresh.add(new Cached(slot, cachedTokens(active.get(slot))));
            }
        }
        // One row a distinct beginning: in lexical order a sequence comes right before those that go on from it.
        fresh.sort(Comparator.comparing(Cached::tokens, Arrays::compare).thenComparing(Cached::slot));
        Map<Integer, List<Prefill>> buckets = new TreeMap<>();
        Prefill row = null;
        for (Cached c : fresh.reversed()) {
            if (row == null || !covers(row.tokens(), c.tokens())) {
                row = new Prefill(c.tokens(), new ArrayList<>());
                int bucket = (c.tokens().length + PREFILL_BUCKET - 1) / PREFILL_BUCKET * PREFILL_BUCKET;
                buckets.computeIfAbsent(bucket, b -> new ArrayList<>()).add(row);
            }
            row.slots().add(c.slot());
        }
        long tokens = 0;
        for (var bucket : buckets.entrySet()) {
            tokens += prefill(bucket.getKey(), bucket.getValue(), active, weights);
        }
        return tokens;
    }

    /** What prefill has to put into the cache of a slot. */
    private record Cached(int slot, int[] tokens) {}

    /** Tokens that go through the model once, and the slots that take what they need of the keys. */
    private record Prefill(int[] tokens, List<Integer> slots) {}

    /**
     * Whether a slot can take its keys from another, equal or longer sequence. A longer one goes through the model in another
     * shape, which only {@code exact} precision does not feel.
     */
    private boolean covers(int[] longer, int[] tokens) {
        return (longer.length == tokens.length || !settings.deterministic() || exact())
                && longer.length >= tokens.length
                && Arrays.equals(longer, 0, tokens.length, tokens, 0, tokens.length);
    }

    private boolean exact() {
        return settings.precision() == Precision.EXACT;
    }

    /** Tokens that prefill puts into the cache: all but the one that is fed first. */
    private int cachedLength(SampledSequence a) {
        int prompt = a.request.prompt().length - 1;
        // Given tokens were decoded once: rounding attention would show that they are prefilled now.
        return settings.deterministic() && !exact() ? prompt : prompt + a.request.given().length;
    }

    private int[] cachedTokens(SampledSequence a) {
        int n = cachedLength(a);
        int[] out = Arrays.copyOf(a.request.prompt(), n);
        int prompt = a.request.prompt().length;
        for (int i = prompt; i < n + 1 && i - prompt < a.request.given().length; i++) {
            if (i < n) {
                out[i] = a.request.given()[i - prompt];
            }
        }
        return out;
    }

    private long prefill(int bucket, List<Prefill> prefills, List<SampledSequence> active, StagedWeights weights) {
        long count = 0;
        int rowsPerCall = Math.max(1, PREFILL_TOKENS / bucket);
        // What a prompt is padded to may depend on its neighbours unless tokens must not.
        int longest = prefills.stream().mapToInt(p -> p.tokens().length).max().orElse(1);
        int padded = settings.deterministic() ? Math.min(bucket, settings.maxLength()) : longest;
        for (int from = 0; from < prefills.size(); from += rowsPerCall) {
            int to = Math.min(prefills.size(), from + rowsPerCall);
            long[] ids = new long[(to - from) * padded];
            List<Long> slot = new ArrayList<>();
            List<Long> origin = new ArrayList<>();
            for (int r = from; r < to; r++) {
                int[] sequence = prefills.get(r).tokens();
                for (int i = 0; i < sequence.length; i++) {
                    ids[(r - from) * padded + i] = sequence[i];
                }
                count += sequence.length;
                for (int s : prefills.get(r).slots()) {
                    slot.add((long) s);
                    origin.add((long) (r - from));
                }
            }
            long[] slotArray = slot.stream().mapToLong(Long::longValue).toArray();
            long[] originArray = origin.stream().mapToLong(Long::longValue).toArray();
            try (PtNDManager scope = transformer.scope();
                    IValue idValue = IValue.from(Transformer.longs(scope, ids, to - from, padded));
                    IValue slotValue = IValue.from(Transformer.longs(scope, slotArray, slotArray.length));
                    IValue originValue = IValue.from(Transformer.longs(scope, originArray, originArray.length));
                    IValue done = transformer.call(
                            "prefill",
                            weights.folded(),
                            cache.keys(),
                            cache.values(),
                            idValue,
                            slotValue,
                            originValue)) {
                if (done.toLong() != to - from) {
                    throw new IllegalStateException("prefilled " + done.toLong() + " of " + (to - from));
                }
            }
        }
        for (Prefill p : prefills) {
            for (int s : p.slots()) {
                SampledSequence a = active.get(s);
                a.fed = cachedLength(a) - (a.request.prompt().length - 1);
                if (a.fed > 0) {
                    a.next = a.request.given()[a.fed - 1];
                }
            }
        }
        return count;
    }
}
