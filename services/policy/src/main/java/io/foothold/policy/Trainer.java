package io.foothold.policy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Scores and trains a policy: fp32 master weights, gradients summed over micro-batches, one fused AdamW step. Rows without
 * credit carry no gradient and are skipped unless a regulariser wants them: exact, and most of the cost of a hard batch.
 *
 * <p>Owned by one thread, which has called {@link NativeRuntime#enterThread()}.
 */
public final class Trainer implements AutoCloseable {

    /**
     * One rollout.
     *
     * @param prompt prompt tokens, oracle prefix included
     * @param given given response tokens (resets)
     * @param sampled sampled tokens
     * @param behaviour log-prob of each predicted token that the ratio is taken to: when it was drawn, or at the beginning of the update
     *     where credit is corrected ({@link io.foothold.core.loss.MismatchRule})
     * @param labels token to be predicted in the place of each sampled one, −1 for none; empty when the sampled tokens
     *     themselves are predicted
     */
    public record Sequence(int[] prompt, int[] given, int[] sampled, float[] behaviour, int[] labels) {
        /** A sequence whose sampled tokens are what is predicted. */
        public Sequence(int[] prompt, int[] given, int[] sampled, float[] behaviour) {
            this(prompt, given, sampled, behaviour, new int[0]);
        }

        /** All tokens. */
        public int length() {
            return prompt.length + given.length + sampled.length;
        }

        PackedBatch.Row row() {
            int[] response = Arrays.copyOf(given, given.length + sampled.length);
            System.arraycopy(sampled, 0, response, given.length, sampled.length);
            return new PackedBatch.Row(prompt, response, given.length, labels);
        }
    }

    /**
     * What a model says of one sequence.
     *
     * @param logProbs of each sampled token, nats
     * @param entropies at each sampled token, nats
     */
    public record Score(float[] logProbs, float[] entropies) {}

    /**
     * AdamW (Loshchilov and Hutter 2019) with a bound on the global gradient norm.
     *
     * @param learningRate of this step
     * @param beta1 decay of the first moment
     * @param beta2 decay of the second moment
     * @param epsilon added to the denominator
     * @param weightDecay decoupled, of matrices only: norms and biases are left, as in Hugging Face's trainers
     * @param clipNorm bound of the global norm; 0 is off
     */
    public record AdamW(
            double learningRate, double beta1, double beta2, double epsilon, double weightDecay, double clipNorm) {}

    /**
     * What accumulation saw.
     *
     * @param loss sum over micro-batches
     * @param scores one a sequence, null for rows that were skipped
     */
    public record Accumulated(double loss, List<@Nullable Score> scores) {}

    /** How the script is given what it trains. */
    sealed interface Form {
        /** The form that suits a model. Bits matter in exact precision alone, memory only beyond small models. */
        static Form of(ModelConfig config, Precision precision, boolean adapters, ComputeDevice device) {
            return precision == Precision.FAST && (adapters || Precision.standard(config) == Precision.FAST)
                    ? Lean.on(device)
                    : new Whole();
        }
    }

    /**
     * All weights, adapters merged in, folded inside of autograd: what is computed with are the bits that are sampled with. Keeps a folded
     * copy and gradients of everything during a micro-batch.
     */
    record Whole() implements Form {}

    /**
     * A layer at a time, the head's log-probs in chunks, adapters as products of their own: nothing of the model's size is made in a
     * micro-batch. Rounds otherwise.
     *
     * @param chunkNumbers log-probs that are computed at a time
     * @param keptNumbers log-probs that are kept for the backward pass; those of larger micro-batches are computed again
     * @param keptBytes what layers may keep for the backward pass, asked for before each optimizer step; of a micro-batch that would keep
     *     more the first layers are computed again, as few as that takes. The same bits either way
     */
    record Lean(long chunkNumbers, long keptNumbers, LongSupplier keptBytes) implements Form {
        /** 64 MiB, 256 MiB, and half of what this machine has left. */
        static final Lean STANDARD = on(ComputeDevice.CPU);

        /** The same of a device's memory. */
        static Lean on(ComputeDevice device) {
            return new Lean(1 << 24, 1 << 26, device::keptBytes);
        }
    }

    private final Transformer transformer;
    private final Form form;
    private final List<WeightStore> stores = new ArrayList<>();
    /** What is computed with: raw weights, or in lean form under adapters the folded base. */
    private final WeightStore weights;

    private final @Nullable Lora lora;
    /** Raw weights that adapters are merged into. */
    private final @Nullable WeightStore frozen;

    /** The base of adapters in lean form, where it lies: matrices are merged when they are read. */
    private final @Nullable PolicyWeights origin;

    private final WeightStore trained;
    private final List<String> names;
    private final List<long[]> shapes;
    private final WeightStore gradients;
    private final WeightStore firstMoments;
    private final WeightStore secondMoments;
    private final WeightStore counts;
    private final int microBatchTokens;
    private @Nullable WeightStore base;
    private long steps;
    private long keptBytes;

    /**
     * A trainer with fresh moments.
     *
     * @param microBatchTokens largest count of tokens, prompts included, that go through the model at once
     * @param precision of attention
     */
    public Trainer(PolicyWeights initial, int microBatchTokens, Precision precision) {
        this(initial, microBatchTokens, precision, null);
    }

    /**
     * A trainer of adapters on frozen weights, which stay in use until {@link #close()}, also when they are closed before.
     *
     * @param adapter where the adapters begin; null trains all weights
     */
    public Trainer(PolicyWeights initial, int microBatchTokens, Precision precision, @Nullable LoraAdapter adapter) {
        this(initial, microBatchTokens, precision, adapter, ComputeDevice.CPU);
    }

    /**
     * The same on a device, in float32 there too.
     *
     * @param device where weights, gradients and moments lie
     */
    public Trainer(
            PolicyWeights initial,
            int microBatchTokens,
            Precision precision,
            @Nullable LoraAdapter adapter,
            ComputeDevice device) {
        this(
                initial,
                microBatchTokens,
                new Placement(precision, device, false),
                adapter,
                Form.of(initial.config(), precision, adapter != null, device));
    }

    Trainer(
            PolicyWeights initial,
            int microBatchTokens,
            Precision precision,
            @Nullable LoraAdapter adapter,
            Form form) {
        this(initial, microBatchTokens, Placement.host(precision), adapter, form);
    }

    private Trainer(
            PolicyWeights initial,
            int microBatchTokens,
            Placement placement,
            @Nullable LoraAdapter adapter,
            Form form) {
        if (microBatchTokens < 1) {
            throw new IllegalArgumentException("microBatchTokens must be positive: " + microBatchTokens);
        }
        this.microBatchTokens = microBatchTokens;
        this.form = form;
        this.transformer = new Transformer(initial.config(), placement, form instanceof Lean l ? l : Lean.STANDARD);
        boolean lean = form instanceof Lean;
        try {
            ModelConfig config = initial.config();
            this.weights = kept(
                    lean && adapter != null
                            ? Folding.of(transformer, initial, true, "w[]", null)
                            : WeightStore.of(transformer, initial, "w[]", adapter == null));
            this.origin = lean && adapter != null ? initial.shared() : null;
            if (adapter == null) {
                this.lora = null;
                this.frozen = null;
                this.trained = weights;
                this.names = WeightLayout.of(config).slots().stream()
                        .map(slot -> slot.parts().get(0).name())
                        .toList();
                this.shapes = WeightStore.shapesOf(transformer);
            } else {
                this.lora = adapter.lora();
                this.names = lora.names(config);
                this.shapes = lora.shapes(config);
                this.frozen = lean ? null : kept(WeightStore.of(transformer, initial, "w[]", false));
                this.trained = kept(WeightStore.of(transformer, shapes, adapter.values(), "p[]", true));
                mergeInto();
            }
            this.gradients = kept(WeightStore.zeros(transformer, shapes, "g[]"));
            this.firstMoments = kept(WeightStore.zeros(transformer, shapes, "m[]"));
            this.secondMoments = kept(WeightStore.zeros(transformer, shapes, "v[]"));
            this.counts = kept(WeightStore.zeros(
                    transformer, shapes.stream().map(s -> new long[0]).toList(), "count[]"));
            this.keptBytes = form instanceof Lean l ? l.keptBytes().getAsLong() : 0;
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Brings the merged weights up to date, where there are any. */
    private void mergeInto() {
        WeightStore from = frozen;
        if (from != null) {
            LoraAdapter.merge(transformer, from, trained, weights, Objects.requireNonNull(lora));
        }
    }

    /** A store that goes with this trainer. */
    private WeightStore kept(WeightStore store) {
        stores.add(store);
        return store;
    }

    /** Keeps a frozen copy that KL terms refer to. */
    public void setBase(PolicyWeights reference) {
        if (base != null) {
            throw new IllegalStateException("the trainer has a base policy");
        }
        // Of the base that adapters stand on it is the same: no memory of its own.
        base = kept(
                form instanceof Lean
                        ? Folding.of(transformer, reference, true, "base[]", lora == null ? null : weights)
                        : WeightStore.of(transformer, reference, "base[]", false));
    }

    /** Optimizer steps taken. */
    public long steps() {
        return steps;
    }

    /** The adapters in place or to be fetched, until the next step or {@link #close()}; empty when all weights are trained. */
    public Optional<LoraAdapter> adapter() {
        return lora == null
                ? Optional.empty()
                : Optional.of(new LoraAdapter(transformer.config(), lora, trained.tensors()));
    }

    /** The weights, adapters merged in, copied out: a whole model more in memory. The caller closes them. */
    public PolicyWeights weights() {
        return weightsInPlace().copied();
    }

    /**
     * The weights, adapters merged in, in place or merged one by one as they are read: what they are then, until {@link #close()}. Read by
     * the trainer's thread.
     */
    public PolicyWeights weightsInPlace() {
        PolicyWeights under = origin;
        return under == null ? weights.weights() : adapter().orElseThrow().mergedOver(transformer, under);
    }

    /** The optimizer's state as safetensors: moments by slot, as they are when they are read. */
    public FileContent moments() {
        Map<String, WeightTensor> tensors = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            tensors.put("m." + names.get(i), firstMoments.tensors().get(i));
            tensors.put("v." + names.get(i), secondMoments.tensors().get(i));
        }
        return Safetensors.content(tensors);
    }

    /** Takes up moments and step count of a checkpoint whose weights or adapters this trainer began with. */
    public void restore(Path momentsFile, long stepCount) {
        try (Arena arena = Arena.ofShared()) {
            Map<String, HostTensor> tensors = Safetensors.read(momentsFile, arena);
            firstMoments.load(moments(tensors, "m.", momentsFile));
            secondMoments.load(moments(tensors, "v.", momentsFile));
        }
        steps = stepCount;
        try (NativeSteps.Step step = NativeSteps.enter()) {
            for (NDArray count : counts.arrays()) {
                transformer.fill(count, numbers -> numbers.set(ValueLayout.JAVA_FLOAT, 0, stepCount));
            }
        }
    }

    private List<HostTensor> moments(Map<String, HostTensor> tensors, String prefix, Path file) {
        List<HostTensor> out = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            HostTensor tensor = tensors.get(prefix + names.get(i));
            if (tensor == null || !Arrays.equals(tensor.shape(), shapes.get(i))) {
                throw new PolicyException(file + ": moments of '" + names.get(i) + "' are missing or of another shape");
            }
            out.add(tensor);
        }
        return out;
    }

    /** Log-probs of sampled tokens under the current weights, without gradient. */
    public List<Score> score(List<Sequence> sequences, double temperature) {
        return score(sequences, temperature, weights, lora != null);
    }

    /** Whether {@code adapted}, the adapters are part of what is scored, unless they are in the weights already. */
    private List<Score> score(List<Sequence> sequences, double temperature, WeightStore store, boolean adapted) {
        Score[] out = new Score[sequences.size()];
        for (List<Integer> part : microBatches(
                sequences, IntStream.range(0, sequences.size()).boxed().toList())) {
            PackedBatch batch = PackedBatch.of(
                    part.stream().map(i -> sequences.get(i).row()).toList());
            try (NativeSteps.Step step = NativeSteps.enter();
                    PtNDManager scope = transformer.scope()) {
                List<IValue> arguments = new ArrayList<>();
                arguments.add(store.list());
                if (form instanceof Lean) {
                    arguments.addAll(leanArguments(scope, store, adapted));
                }
                arguments.addAll(values(batchArrays(scope, batch)));
                arguments.add(IValue.from(temperature));
                try (IValue result = transformer.call(
                        form instanceof Lean ? "score_lean" : "score", arguments.toArray(IValue[]::new))) {
                    IValue[] parts = result.toIValueTuple();
                    float[] logProbs = parts[0].toTensor(scope).toFloatArray();
                    float[] entropies = parts[1].toTensor(scope).toFloatArray();
                    parts[0].close();
                    parts[1].close();
                    split(part, batch, logProbs, entropies, out);
                } finally {
                    arguments.subList(1, arguments.size()).forEach(IValue::close);
                }
            }
        }
        return List.of(out);
    }

    /** What the lean score takes between weights and batch; to be closed. */
    private List<IValue> leanArguments(PtNDManager scope, WeightStore store, boolean adapted) {
        Lora own = adapted ? lora : null;
        NDList factors = own == null ? new NDList(scope.create(new Shape(0))) : trained.arrays();
        return List.of(
                WeightStore.listOf(factors),
                // Raw are only the weights that are trained themselves.
                IValue.from(lora != null || store != weights),
                IValue.from(own == null ? Transformer.longs(scope, new long[0], 0) : own.orderArray(scope)),
                IValue.from(own == null ? 1 : (double) (float) own.scale()));
    }

    /**
     * Adds the gradient of the loss of these sequences to the gradient sums.
     *
     * @param plan one entry a sequence, in order
     */
    public Accumulated accumulate(List<Sequence> sequences, CreditPlan plan, LossRule rule, double temperature) {
        boolean regularised = rule.klCoefficient() > 0 || rule.entropyCoefficient() > 0;
        List<Integer> use = IntStream.range(0, sequences.size())
                .filter(i -> sequences.get(i).sampled().length > 0
                        && (regularised || plan.rollouts().get(i).hasSignal()))
                .boxed()
                .toList();
        @Nullable Score[] scores = new @Nullable Score[sequences.size()];
        double loss = 0;
        for (List<Integer> part : microBatches(sequences, use)) {
            PackedBatch batch = PackedBatch.of(
                    part.stream().map(i -> sequences.get(i).row()).toList());
            loss += accumulate(part, sequences, plan, rule, temperature, batch, scores);
        }
        return new Accumulated(loss, Arrays.asList(scores));
    }

    private double accumulate(
            List<Integer> part,
            List<Sequence> sequences,
            CreditPlan plan,
            LossRule rule,
            double temperature,
            PackedBatch batch,
            @Nullable Score[] scores) {
        int targets = batch.target.length;
        float[] credit = new float[targets];
        float[] weight = new float[targets];
        float[] behaviour = new float[targets];
        float[] share = new float[targets];
        long[] row = new long[targets];
        long[] offPolicy =
                new long[plan.rollouts().stream().anyMatch(e -> e.member().offPolicy()) ? targets : 0];
        float[] reference = new float[targets];
        if (rule.klCoefficient() > 0) {
            WeightStore referred = base;
            if (referred == null) {
                throw new IllegalStateException("a KL term needs a base policy");
            }
            List<Score> baseScores = score(part.stream().map(sequences::get).toList(), temperature, referred, false);
            for (int i = 0; i < part.size(); i++) {
                float[] lp = baseScores.get(i).logProbs();
                System.arraycopy(lp, 0, reference, batch.targetStart[i], lp.length);
            }
        }
        for (int i = 0; i < part.size(); i++) {
            CreditPlan.Entry entry = plan.rollouts().get(part.get(i));
            float[] b = sequences.get(part.get(i)).behaviour();
            for (int t = batch.targetStart[i]; t < batch.targetStart[i + 1]; t++) {
                credit[t] = (float) entry.credit(t - batch.targetStart[i]);
                weight[t] = (float) entry.weight();
                behaviour[t] = b[t - batch.targetStart[i]];
                share[t] = 1f / (batch.targetStart[i + 1] - batch.targetStart[i]);
                row[t] = i;
                if (entry.member().offPolicy()) {
                    offPolicy[t] = 1;
                }
            }
        }
        float[] numbers = {
            rule.ratio().ordinal(),
            (float) rule.clipLow(),
            (float) rule.clipHigh(),
            (float) rule.dualClip(),
            (float) rule.klCoefficient(),
            (float) rule.entropyCoefficient(),
            (float) temperature,
            part.size(),
            (float) rule.shaping(),
            recomputedLayers(batch.ids.length)
        };
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = transformer.scope()) {
            NDList arguments = new NDList();
            if (lora == null) {
                arguments.addAll(weights.arrays());
            } else {
                WeightStore under = frozen;
                arguments.addAll(under == null ? weights.arrays() : under.arrays());
                arguments.addAll(trained.arrays());
                arguments.add(named(
                        form instanceof Lean
                                ? lora.orderArray(scope)
                                : LoraAdapter.placeArray(scope, transformer.config(), lora),
                        "places"));
                arguments.add(named(Transformer.floats(scope, new float[] {(float) lora.scale()}, 1), "scale"));
            }
            arguments.addAll(gradients.arrays());
            arguments.addAll(batchArrays(scope, batch));
            arguments.add(named(Transformer.floats(scope, credit, targets), "credit"));
            arguments.add(named(Transformer.floats(scope, weight, targets), "weight"));
            arguments.add(named(Transformer.floats(scope, behaviour, targets), "behaviour"));
            arguments.add(named(Transformer.floats(scope, reference, targets), "base"));
            arguments.add(named(Transformer.longs(scope, row, targets), "row"));
            arguments.add(named(Transformer.floats(scope, share, targets), "share"));
            arguments.add(named(Transformer.longs(scope, offPolicy, offPolicy.length), "off_policy"));
            arguments.add(named(Transformer.floats(scope, numbers, numbers.length), "rule"));
            NDList out = transformer.callWithGradients(
                    scope,
                    (lora == null ? "accumulate" : "accumulate_adapters") + (form instanceof Lean ? "_lean" : ""),
                    arguments);
            float loss = out.get(0).getFloat();
            if (!Float.isFinite(loss)) {
                throw new PolicyException("the loss is " + loss);
            }
            split(part, batch, out.get(1).toFloatArray(), out.get(2).toFloatArray(), scores);
            return loss;
        }
    }

    /** The first layers of a micro-batch that are computed again, because what all of them would keep is too much. */
    private int recomputedLayers(long tokens) {
        return form instanceof Lean
                ? TrainingSize.recomputedLayers(transformer.config(), tokens, lora == null, keptBytes)
                : 0;
    }

    /** Takes one optimizer step with the gradient sums and clears them. Gives the gradient norm before clipping. */
    public double step(AdamW settings) {
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = transformer.scope();
                IValue lr = IValue.from(settings.learningRate());
                IValue beta1 = IValue.from(settings.beta1());
                IValue beta2 = IValue.from(settings.beta2());
                IValue epsilon = IValue.from(settings.epsilon());
                IValue decay = IValue.from(settings.weightDecay());
                IValue clip = IValue.from(settings.clipNorm());
                IValue out = transformer.call(
                        "step",
                        trained.list(),
                        gradients.list(),
                        firstMoments.list(),
                        secondMoments.list(),
                        counts.list(),
                        lr,
                        beta1,
                        beta2,
                        epsilon,
                        decay,
                        clip)) {
            double norm = out.toTensor(scope).getFloat();
            if (!Double.isFinite(norm)) {
                throw new PolicyException("the gradient norm is " + norm + "; the weights are as before");
            }
            mergeInto();
            FreedMemory.toSystem(transformer.config());
            keptBytes = form instanceof Lean l ? l.keptBytes().getAsLong() : 0;
            steps++;
            return norm;
        }
    }

    /** The gradient sums, in script order; for tests. */
    List<float[]> gradients() {
        return gradients.values();
    }

    /** Forgets the gradient sums. */
    public void clearGradients() {
        try (IValue done = transformer.call("zero", gradients.list())) {
            if (done.toLong() < 1) {
                throw new IllegalStateException("no gradients");
            }
        }
    }

    /** Tensors that the trainer holds; constant between calls. */
    int managedArrays() {
        return transformer.manager().getManagedArrays().size();
    }

    private static NDArray named(NDArray array, String name) {
        array.setName(name);
        return array;
    }

    private static NDList batchArrays(PtNDManager scope, PackedBatch b) {
        NDList out = new NDList();
        out.add(named(Transformer.longs(scope, b.ids, b.ids.length), "ids"));
        out.add(named(Transformer.longs(scope, b.positions, b.positions.length), "pos"));
        for (PackedBatch.Block k : b.blocks) {
            out.add(named(Transformer.longs(scope, k.query(), k.spans(), k.queryLength()), "query[]"));
        }
        for (PackedBatch.Block k : b.blocks) {
            out.add(named(Transformer.longs(scope, k.key(), k.spans(), k.keyLength()), "key[]"));
        }
        for (PackedBatch.Block k : b.blocks) {
            out.add(named(Transformer.longs(scope, k.before(), k.before().length), "before[]"));
        }
        out.add(named(Transformer.longs(scope, b.back, b.back.length), "back"));
        out.add(named(Transformer.longs(scope, b.source, b.source.length), "source"));
        out.add(named(Transformer.longs(scope, b.target, b.target.length), "target"));
        return out;
    }

    /** Arrays as arguments; those that share a name ending in {@code []} are one list. */
    private static List<IValue> values(NDList arrays) {
        Map<String, List<PtNDArray>> byName = new LinkedHashMap<>();
        arrays.forEach(
                a -> byName.computeIfAbsent(a.getName(), n -> new ArrayList<>()).add((PtNDArray) a));
        List<IValue> out = new ArrayList<>();
        byName.forEach((name, list) -> out.add(
                name.endsWith("[]") ? IValue.listFrom(list.toArray(PtNDArray[]::new)) : IValue.from(list.get(0))));
        return out;
    }

    private static void split(
            List<Integer> part, PackedBatch batch, float[] logProbs, float[] entropies, @Nullable Score[] out) {
        for (int i = 0; i < part.size(); i++) {
            int from = batch.targetStart[i];
            int to = batch.targetStart[i + 1];
            out[part.get(i)] =
                    new Score(Arrays.copyOfRange(logProbs, from, to), Arrays.copyOfRange(entropies, from, to));
        }
    }

    /** Cuts rows into micro-batches: rows of one prompt stay together, groups of similar length meet. */
    private List<List<Integer>> microBatches(List<Sequence> sequences, List<Integer> use) {
        Map<List<Integer>, List<Integer>> byPrompt = new LinkedHashMap<>();
        for (int i : use) {
            byPrompt.computeIfAbsent(
                            Arrays.stream(sequences.get(i).prompt()).boxed().toList(), k -> new ArrayList<>())
                    .add(i);
        }
        List<List<Integer>> groups = new ArrayList<>(byPrompt.values());
        groups.sort(Comparator.comparingInt(
                g -> g.stream().mapToInt(i -> sequences.get(i).length()).max().orElse(0)));
        List<List<Integer>> out = new ArrayList<>();
        List<Integer> current = new ArrayList<>();
        int tokens = 0;
        for (List<Integer> group : groups) {
            boolean first = true;
            for (int i : group) {
                Sequence s = sequences.get(i);
                int cost = first ? s.length() : s.length() - s.prompt().length;
                if (!current.isEmpty() && tokens + cost > microBatchTokens) {
                    out.add(current);
                    current = new ArrayList<>();
                    tokens = 0;
                    cost = s.length();
                }
                current.add(i);
                tokens += cost;
                first = false;
            }
        }
        if (!current.isEmpty()) {
            out.add(current);
        }
        return out;
    }

    @Override
    public void close() {
        // Before the script, whose memory manager they are of: the lists that are its arguments are not.
        stores.reversed().forEach(WeightStore::close);
        transformer.close();
        if (origin != null) {
            origin.close();
        }
    }
}
