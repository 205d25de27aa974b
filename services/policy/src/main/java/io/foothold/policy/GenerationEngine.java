package io.foothold.policy;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.foothold.core.random.Seeds;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Samples sequences with continuous batching: a fixed number of cache slots, a finished row's slot refilled before the next
 * call, prompts that waiting requests share prefilled once ({@link FairQueue} keeps them together), several decode steps a native call. Rows under way always occupy
 * the first slots, so the cache is used in place.
 *
 * <p><b>Deterministic mode.</b> Tokens and log-probs of a request do not depend on its neighbours, its slot, or on how the
 * sequence was cut by resets: decode batches are padded to a multiple of 8 rows, every row attends over the whole cache length
 * behind a mask, prompts are prefilled at a length that follows from the prompt alone, and given response tokens are decoded,
 * not prefilled. Holds for one intra-op thread and one kind of CPU.
 *
 * <p>Owned by one thread, which has called {@link NativeRuntime#enterThread()}.
 */
public final class GenerationEngine implements AutoCloseable {
    private static final int PREFILL_BUCKET = 8;
    private static final int PREFILL_TOKENS = 4096;
    /** Rows that attend over the same number of keys; smaller blocks waste fewer keys and cost more calls. */
    private static final int BLOCK_ROWS = 128;
    /**
     * Sizes.
     *
     * @param slots sequences sampled at the same time
     * @param maxLength longest sequence, prompt and response together
     * @param stepsPerCall decode steps of one native call
     * @param deterministic see {@link GenerationEngine}
     * @param precision of attention
     * @param device where weights and keys lie
     * @param half whether matrices, keys and values are bfloat16, for fast precision only
     */
    public record Settings(
            int slots,
            int maxLength,
            int stepsPerCall,
            boolean deterministic,
            Precision precision,
            ComputeDevice device,
            boolean half) {
        /** On CPUs, in float32. */
        public Settings(int slots, int maxLength, int stepsPerCall, boolean deterministic, Precision precision) {
            this(slots, maxLength, stepsPerCall, deterministic, precision, ComputeDevice.CPU);
        }

        /** On a device: in bfloat16 there when the precision is fast, in float32 on CPUs, whose products of bfloat16 are slower. */
        public Settings(
                int slots,
                int maxLength,
                int stepsPerCall,
                boolean deterministic,
                Precision precision,
                ComputeDevice device) {
            this(slots, maxLength, stepsPerCall, deterministic, precision, device, halves(precision, device));
        }

        /** Whether sampling is in bfloat16 where nobody says otherwise. */
        public static boolean halves(Precision precision, ComputeDevice device) {
            return precision == Precision.FAST && !device.host();
        }

        private Placement placement() {
            return new Placement(precision, device, half);
        }

        /** Checks ranges. */
        public Settings {
            if (slots < 1 || maxLength < 2 || stepsPerCall < 1) {
                throw new IllegalArgumentException("need slots >= 1, maxLength >= 2, stepsPerCall >= 1: " + slots + ", "
                        + maxLength + ", " + stepsPerCall);
            }
        }
    }

    /**
     * Counters since the start.
     *
     * @param tokens sampled tokens that were returned
     * @param rowSteps decode steps of slots that held a live sequence
     * @param slotSteps decode steps of all slots of the calls made while work was waiting, and of the live rows otherwise
     * @param prefilledTokens prompt tokens that went through prefill
     */
    public record Counters(long tokens, long rowSteps, long slotSteps, long prefilledTokens) {}

    private static final class Active {
        private final GenerationRequest request;
        private final GenerationRequest.Listener listener;
        private final @Nullable StopMatcher matcher;
        private int fed;
        private int sampled;
        private int next;

        Active(GenerationRequest request, GenerationRequest.Listener listener, @Nullable StopMatcher matcher) {
            this.request = request;
            this.listener = listener;
            this.matcher = matcher;
            this.next = request.prompt()[request.prompt().length - 1];
        }

        /** Position of the token that is fed next. */
        int position() {
            return request.prompt().length - 1 + fed;
        }

        boolean restricted() {
            return request.temperature() > 0 && (request.topP() < 1 || request.topK() > 0);
        }
    }

    private final Transformer transformer;
    private final ModelConfig config;
    private final Settings settings;
    private final @Nullable Tokenizer tokenizer;
    private StagedWeights weights;
    private final KeyValueCache cache;
    private final int rows;
    private final int blockRows;
    private final List<Active> active = new ArrayList<>();
    /** Rows of {@link #active} that ended after the last step: gaps until the next one. */
    private final BitSet ended = new BitSet();

    private final FairQueue<IntBuffer, Active> waiting = new FairQueue<>();
    private long version;
    private long tokens;
    private long rowSteps;
    private long slotSteps;
    private long prefilledTokens;

    /**
     * An engine.
     *
     * @param tokenizer needed for stop sequences only
     */
    public GenerationEngine(PolicyWeights initial, long version, @Nullable Tokenizer tokenizer, Settings settings) {
        this.config = initial.config();
        if (settings.maxLength() > config.maxPositions()) {
            throw new PolicyException("sequences of " + settings.maxLength() + " tokens do not fit the model's "
                    + config.maxPositions() + " positions");
        }
        this.settings = settings;
        this.tokenizer = tokenizer;
        this.version = version;
        this.rows = (settings.slots() + 7) / 8 * 8;
        // Deterministic rows all attend over the whole length: sorting them by age would move them for nothing.
        this.blockRows = settings.deterministic() ? rows : BLOCK_ROWS;
        // Steps past a row's end still write: they need room behind the longest sequence.
        long length = settings.maxLength() + settings.stepsPerCall();
        this.transformer = new Transformer(config, settings.placement(), Trainer.Lean.STANDARD);
        try {
            this.weights = new StagedWeights(transformer, settings, initial, null);
            this.cache = cache(length);
        } catch (RuntimeException | Error e) {
            transformer.close();
            throw e;
        }
    }

    /** The cache of all rows; weights that lie there already go when it has no room. */
    private KeyValueCache cache(long length) {
        try {
            return new KeyValueCache(transformer, rows, length);
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
    }

    /** The longest sequence that a request may reach. */
    public int maxLength() {
        return settings.maxLength();
    }

    /** What the keys and values of one token of a sequence take, in bytes. */
    public static long cacheBytesPerToken(ModelConfig config, Precision precision) {
        int bytes =
                switch (precision) {
                    case EXACT -> Double.BYTES;
                    case FAST -> Float.BYTES;
                };
        return 2L * config.layers() * config.kvHeads() * config.headDim() * bytes;
    }

    /** Number of slots. */
    public int slots() {
        return settings.slots();
    }

    /** Queues a request. */
    public void submit(GenerationRequest request, GenerationRequest.Listener listener) {
        int length = request.prompt().length + request.given().length + request.maxTokens();
        if (request.prompt().length == 0 || request.maxTokens() < 1 || length > settings.maxLength()) {
            throw new PolicyException("request " + request.id() + ": prompt " + request.prompt().length + " + given "
                    + request.given().length + " + max_tokens " + request.maxTokens() + " must fit "
                    + settings.maxLength()
                    + ", with at least one of prompt and max_tokens");
        }
        for (int id : request.prompt()) {
            checkToken(request, id);
        }
        for (int id : request.given()) {
            checkToken(request, id);
        }
        StopMatcher matcher = null;
        if (!request.stopSequences().isEmpty()) {
            Tokenizer t = tokenizer;
            if (t == null) {
                throw new PolicyException("request " + request.id() + ": stop strings need a tokenizer");
            }
            matcher = new StopMatcher(t, request.stopSequences());
            for (int id : request.given()) {
                matcher.accept(id);
            }
        }
        // Requests with one prompt go together, or each admission would prefill it again.
        waiting.add(IntBuffer.wrap(request.prompt()), new Active(request, listener, matcher));
    }

    private void checkToken(GenerationRequest request, int id) {
        if (id < 0 || id >= config.vocabulary()) {
            throw new PolicyException(
                    "request " + request.id() + ": token id " + id + " is not in 0.." + (config.vocabulary() - 1));
        }
    }

    /** Ends a request early; false when it is not under way. */
    public boolean abort(String id) {
        Active queued = waiting.remove(a -> a.request.id().equals(id));
        if (queued != null) {
            queued.listener.ended(GenerationRequest.End.ABORT, -1);
            return true;
        }
        for (int i = 0; i < active.size(); i++) {
            if (!ended.get(i) && active.get(i).request.id().equals(id)) {
                ended.set(i);
                active.get(i).listener.ended(GenerationRequest.End.ABORT, -1);
                return true;
            }
        }
        return false;
    }

    /**
     * Loads weights beside those that sample, which stay as they are.
     *
     * @throws PolicyException when they have another shape
     */
    public StagedWeights stage(PolicyWeights next) {
        if (!next.config().equals(config)) {
            throw new PolicyException("the new weights have another shape");
        }
        return new StagedWeights(transformer, settings, next, weights);
    }

    /** {@link #swap(StagedWeights, long)} of weights that nobody has to ask first. */
    public void swap(PolicyWeights next, long nextVersion) {
        checkGrows(nextVersion);
        swap(stage(next), nextVersion);
    }

    /**
     * Changes the weights between two decode steps. Caches stay: the sequences under way go on with the keys they have.
     *
     * @param next staged by this engine, which owns them from here on
     */
    public void swap(StagedWeights next, long nextVersion) {
        checkGrows(nextVersion);
        take(next, nextVersion);
    }

    private void checkGrows(long nextVersion) {
        if (nextVersion <= version) {
            throw new PolicyException("policy version must grow: " + nextVersion + " after " + version);
        }
    }

    /**
     * Begins again with other weights and any version, as a new run does. Only while nothing is under way.
     *
     * @param next staged by this engine, which owns them from here on
     * @throws IllegalStateException when a sequence is under way
     */
    public void replace(StagedWeights next, long nextVersion) {
        if (running() > 0 || !waiting.isEmpty()) {
            throw new IllegalStateException("sequences are under way");
        }
        take(next, nextVersion);
    }

    private void take(StagedWeights next, long nextVersion) {
        weights.close();
        weights = next;
        version = nextVersion;
        FreedMemory.toSystem(config);
    }

    /** {@link StagedWeights#score} of the weights that sample. */
    public StagedWeights.ColdAndWarm score(List<int[]> sequences) {
        return weights.score(sequences);
    }

    /** The policy version that samples. */
    public long version() {
        return version;
    }

    /** Sequences in slots. */
    public int running() {
        return active.size() - ended.cardinality();
    }

    /** Sequences without a slot. */
    public int waiting() {
        return waiting.size();
    }

    /** Counters since the start. */
    public Counters counters() {
        return new Counters(tokens, rowSteps, slotSteps, prefilledTokens);
    }

    /** Tensors that the engine holds; constant between calls. */
    int managedArrays() {
        return transformer.manager().getManagedArrays().size();
    }

    /** Fills free slots and makes one call of decode steps. False when there is nothing to do. */
    public boolean step() {
        try (NativeSteps.Step step = NativeSteps.enter()) {
            admit();
            if (active.isEmpty()) {
                return false;
            }
            decode();
            return true;
        }
    }

    private void admit() {
        int free = settings.slots() - running();
        List<Active> next = new ArrayList<>();
        // Prompts are prefilled a few at a time: one call for one prompt costs nearly as much as for sixteen.
        boolean enough = running() == 0 || free >= Math.min(waiting.size(), settings.slots() / 32);
        while (enough && next.size() < free) {
            Active a = waiting.poll();
            if (a == null) {
                break;
            }
            next.add(a);
        }
        if (next.isEmpty() && ended.isEmpty()) {
            return;
        }
        List<Cached> fresh = new ArrayList<>();
        for (int slot : arrange(next)) {
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
        buckets.forEach(this::prefill);
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
    private int cachedLength(Active a) {
        int prompt = a.request.prompt().length - 1;
        // Given tokens were decoded once: rounding attention would show that they are prefilled now.
        return settings.deterministic() && !exact() ? prompt : prompt + a.request.given().length;
    }

    private int[] cachedTokens(Active a) {
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

    private void prefill(int bucket, List<Prefill> prefills) {
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
                prefilledTokens += sequence.length;
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
                Active a = active.get(s);
                a.fed = cachedLength(a) - (a.request.prompt().length - 1);
                if (a.fed > 0) {
                    a.next = a.request.given()[a.fed - 1];
                }
            }
        }
    }

    private void decode() {
        int live = active.size();
        int steps = settings.stepsPerCall();
        // A row of a matrix product keeps its bits in batches of 7 rows and more, not in smaller ones.
        boolean padded = settings.deterministic() || settings.precision() == Precision.EXACT;
        int n = padded ? (live + 7) / 8 * 8 : live;
        boolean restricted = false;
        boolean held = false;
        long[] holds = new long[n];
        // Nothing but sampling at temperature 1: no given token, no greedy row.
        boolean plain = true;
        long[] state = new long[n * (3 + steps)];
        float[] numbers = new float[n * (2 + steps)];
        for (int r = 0; r < n; r++) {
            int at = r * (3 + steps);
            int nat = r * (2 + steps);
            Arrays.fill(state, at + 3, at + 3 + steps, -1);
            if (r >= live) {
                numbers[nat] = 1;
                numbers[nat + 1] = 1;
                continue;
            }
            Active a = active.get(r);
            GenerationRequest q = a.request;
            state[at] = a.next;
            state[at + 1] = a.position();
            state[at + 2] = q.topK();
            numbers[nat] = (float) q.temperature();
            numbers[nat + 1] = (float) q.topP();
            for (int s = 0; s < steps; s++) {
                int response = a.fed + s;
                if (response < q.given().length) {
                    state[at + 3 + s] = q.given()[response];
                    plain = false;
                } else {
                    numbers[nat + 2 + s] = Seeds.uniform(q.seed(), response);
                }
            }
            restricted |= a.restricted();
            if (q.ends() == GenerationRequest.Ends.NEVER) {
                holds[r] = 1;
                held = true;
            }
            plain &= q.temperature() == 1;
        }
        long[] blocks = blocks(n, live);
        long[] ends =
                held ? config.endTokens().stream().mapToLong(Integer::longValue).toArray() : new long[0];
        Transformer.Decoded decoded = transformer.decode(
                weights.folded(),
                cache,
                new Transformer.Decode(n, steps, state, numbers, blocks, ends, holds, restricted, plain));
        slotSteps += (long) steps * (waiting.isEmpty() ? live : settings.slots());
        for (int r = 0; r < live; r++) {
            ended.set(r, advance(active.get(r), decoded.tokens(), decoded.logProbs(), r * steps, steps));
        }
    }

    /** End row and keys of each block: older rows stand in front, and a block attends over its own longest row only. */
    private long[] blocks(int n, int live) {
        if (settings.deterministic()) {
            return new long[] {n, settings.maxLength() + settings.stepsPerCall()};
        }
        int count = (live + blockRows - 1) / blockRows;
        long[] out = new long[2 * count];
        for (int j = 0; j < count; j++) {
            int end = Math.min(live, (j + 1) * blockRows);
            int longest = 0;
            for (int r = j * blockRows; r < end; r++) {
                longest = Math.max(longest, active.get(r).position() + settings.stepsPerCall());
            }
            out[2 * j] = j == count - 1 ? n : end;
            out[2 * j + 1] = longest;
        }
        return out;
    }

    /** Takes the tokens of one row; true when the row ended. */
    private boolean advance(Active a, long[] drawn, float[] logProbs, int from, int steps) {
        GenerationRequest q = a.request;
        int[] fresh = new int[steps];
        float[] freshLogProbs = new float[steps];
        int count = 0;
        GenerationRequest.End end = null;
        int stopIndex = -1;
        for (int s = 0; s < steps && end == null; s++) {
            int token = (int) drawn[from + s];
            rowSteps++;
            boolean given = a.fed < q.given().length;
            a.fed++;
            a.next = token;
            if (given) {
                continue;
            }
            if (Float.isNaN(logProbs[from + s])) {
                throw new PolicyException(
                        "request " + q.id() + ": the model gave NaN at response position " + (a.fed - 1));
            }
            fresh[count] = token;
            freshLogProbs[count++] = logProbs[from + s];
            a.sampled++;
            int match = a.matcher == null ? -1 : a.matcher.accept(token);
            if (q.ends() == GenerationRequest.Ends.STOP && config.endTokens().contains(token)) {
                end = GenerationRequest.End.STOP;
            } else if (q.stopTokens().contains(token)) {
                end = GenerationRequest.End.STOP_TOKEN;
                stopIndex = q.stopTokens().indexOf(token);
            } else if (match >= 0) {
                end = GenerationRequest.End.STOP_STRING;
                stopIndex = match;
            } else if (a.sampled >= q.maxTokens()) {
                end = GenerationRequest.End.LENGTH;
            }
        }
        tokens += count;
        if (count > 0) {
            a.listener.tokens(Arrays.copyOf(fresh, count), Arrays.copyOf(freshLogProbs, count), version);
        }
        if (end != null) {
            a.listener.ended(end, stopIndex);
        }
        return end != null;
    }

    /**
     * Gives the rows that go on and fresh sequences the first slots. A gap takes the oldest row of the next block, whose gap takes
     * the oldest of the one behind it, and so on, so that old rows stay together; fresh sequences take the gaps of the last block,
     * where nothing has to be moved for them.
     *
     * @return slots of the fresh sequences
     */
    private List<Integer> arrange(List<Active> fresh) {
        int target = running() + fresh.size();
        int extent = Math.max(active.size(), target);
        int[] holder = new int[extent];
        for (int i = 0; i < extent; i++) {
            holder[i] = i < active.size() && !ended.get(i) ? i : -1;
        }
        int lastBlock = (target - 1) / blockRows * blockRows;
        for (int at = 0; at < lastBlock; at++) {
            int source = holder[at] < 0 ? oldest(holder, (at / blockRows + 1) * blockRows) : -1;
            if (source >= 0) {
                holder[at] = holder[source];
                holder[source] = -1;
            }
        }
        int gap = 0;
        for (int i = target; i < extent; i++) {
            if (holder[i] >= 0) {
                while (holder[gap] >= 0) {
                    gap++;
                }
                holder[gap] = holder[i];
            }
        }
        List<Active> arranged = new ArrayList<>();
        List<Integer> slots = new ArrayList<>();
        List<Long> origin = new ArrayList<>();
        List<Long> goal = new ArrayList<>();
        int longest = 1;
        for (int i = 0; i < target; i++) {
            if (holder[i] < 0) {
                arranged.add(fresh.get(slots.size()));
                slots.add(i);
                continue;
            }
            Active a = active.get(holder[i]);
            arranged.add(a);
            if (holder[i] != i) {
                origin.add((long) holder[i]);
                goal.add((long) i);
                longest = Math.max(longest, a.position());
            }
        }
        active.clear();
        active.addAll(arranged);
        ended.clear();
        move(origin, goal, longest);
        return slots;
    }

    /** Slot of the oldest row of the first block from {@code from} on that has one; -1 when there is none. */
    private int oldest(int[] holder, int from) {
        int best = -1;
        for (int i = from; i < holder.length && (best < 0 || i % blockRows != 0); i++) {
            if (holder[i] >= 0
                    && (best < 0
                            || active.get(holder[i]).position()
                                    > active.get(holder[best]).position())) {
                best = i;
            }
        }
        return best;
    }

    private void move(List<Long> origin, List<Long> target, int longest) {
        if (origin.isEmpty()) {
            return;
        }
        int kv = config.kvHeads();
        long[] from = new long[origin.size() * kv];
        long[] to = new long[origin.size() * kv];
        for (int i = 0; i < origin.size(); i++) {
            for (int h = 0; h < kv; h++) {
                from[i * kv + h] = origin.get(i) * kv + h;
                to[i * kv + h] = target.get(i) * kv + h;
            }
        }
        try (PtNDManager scope = transformer.scope();
                IValue fromValue = IValue.from(Transformer.longs(scope, from, from.length));
                IValue toValue = IValue.from(Transformer.longs(scope, to, to.length));
                IValue lengthValue = IValue.from((long) longest);
                IValue done = transformer.call("move", cache.keys(), cache.values(), fromValue, toValue, lengthValue)) {
            if (done.toLong() != config.layers()) {
                throw new IllegalStateException("moved " + done.toLong() + " of " + config.layers() + " layers");
            }
        }
    }

    @Override
    public void close() {
        NativeSteps.release(() -> {
            cache.close();
            weights.close();
            transformer.close();
        });
    }
}
