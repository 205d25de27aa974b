package io.foothold.policy;

import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
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

    private final Transformer transformer;
    private final ModelConfig config;
    private final Settings settings;
    private final @Nullable Tokenizer tokenizer;
    private StagedWeights weights;
    private final KeyValueCache cache;
    private final Prefilling prefilling;
    private final Decoding decoding;
    private final int rows;
    private final int blockRows;
    private final List<SampledSequence> active = new ArrayList<>();
    /** Rows of {@link #active} that ended after the last step: gaps until the next one. */
    private final BitSet ended = new BitSet();

    private final FairQueue<IntBuffer, SampledSequence> waiting = new FairQueue<>();
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
        this.decoding = new Decoding(config, settings, blockRows);
        // Steps past a row's end still write: they need room behind the longest sequence.
        long length = settings.maxLength() + settings.stepsPerCall();
        this.transformer = new Transformer(config, settings.placement(), Trainer.Lean.STANDARD);
        try {
            this.weights = new StagedWeights(transformer, settings, initial, null);
            this.cache = cache(length);
            this.prefilling = new Prefilling(transformer, settings, cache);
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
        waiting.add(IntBuffer.wrap(request.prompt()), new SampledSequence(request, listener, matcher));
    }

    private void checkToken(GenerationRequest request, int id) {
        if (id < 0 || id >= config.vocabulary()) {
            throw new PolicyException(
                    "request " + request.id() + ": token id " + id + " is not in 0.." + (config.vocabulary() - 1));
        }
    }

    /** Ends a request early; false when it is not under way. */
    public boolean abort(String id) {
        SampledSequence queued = waiting.remove(a -> a.request.id().equals(id));
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
        List<SampledSequence> next = new ArrayList<>();
        // Prompts are prefilled a few at a time: one call for one prompt costs nearly as much as for sixteen.
        boolean enough = running() == 0 || free >= Math.min(waiting.size(), settings.slots() / 32);
        while (enough && next.size() < free) {
            SampledSequence a = waiting.poll();
            if (a == null) {
                break;
            }
            next.add(a);
        }
        if (next.isEmpty() && ended.isEmpty()) {
            return;
        }
        prefilledTokens += prefilling.fill(active, arrange(next), weights);
    }

    private void decode() {
        int live = active.size();
        int steps = settings.stepsPerCall();
        Transformer.Decoded decoded = transformer.decode(weights.folded(), cache, decoding.of(active));
        slotSteps += (long) steps * (waiting.isEmpty() ? live : settings.slots());
        for (int r = 0; r < live; r++) {
            ended.set(r, advance(active.get(r), decoded.tokens(), decoded.logProbs(), r * steps, steps));
        }
    }

    /** Takes the tokens of one row; true when the row ended. */
    private boolean advance(SampledSequence a, long[] drawn, float[] logProbs, int from, int steps) {
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

    /** Gives the rows that go on and fresh sequences their slots; gives those of the fresh ones. */
    private List<Integer> arrange(List<SampledSequence> fresh) {
        int[] holder = SlotArrangement.of(active, ended, fresh.size(), blockRows);
        List<SampledSequence> arranged = new ArrayList<>();
        List<Integer> slots = new ArrayList<>();
        List<Long> origin = new ArrayList<>();
        List<Long> goal = new ArrayList<>();
        int longest = 1;
        for (int i = 0; i < holder.length; i++) {
            if (holder[i] < 0) {
                arranged.add(fresh.get(slots.size()));
                slots.add(i);
                continue;
            }
            SampledSequence a = active.get(holder[i]);
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
        cache.move(origin, goal, longest);
        return slots;
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
