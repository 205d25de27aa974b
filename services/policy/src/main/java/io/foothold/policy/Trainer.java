package io.foothold.policy;

import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Tokens;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
    public record Score(float[] logProbs, float[] entropies) {
        /**
         * What a loss says of it.
         *
         * @param behaviour log-probs that ratios are taken to, shape [sampled tokens]
         * @param base what the base policy says; null without a KL term
         */
        public LossRule.Result under(LossRule rule, CreditPlan.Entry entry, float[] behaviour, @Nullable Score base) {
            double[] now = doubles(logProbs);
            return rule.of(
                    entry,
                    now,
                    entry.member().offPolicy() ? now : doubles(behaviour),
                    base == null ? now : doubles(base.logProbs),
                    doubles(entropies));
        }

        /** The sequence as a loss sees it. */
        public Tokens tokens(CreditPlan.Entry entry, float[] behaviour) {
            return LossRule.tokens(entry, doubles(logProbs), doubles(behaviour));
        }

        private static double[] doubles(float[] values) {
            double[] out = new double[values.length];
            for (int i = 0; i < out.length; i++) {
                out[i] = values[i];
            }
            return out;
        }
    }

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
    private final TrainingState state;
    private final int microBatchTokens;
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
        try {
            this.state = new TrainingState(transformer, initial, adapter, form);
            this.keptBytes = form instanceof Lean l ? l.keptBytes().getAsLong() : 0;
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Keeps a frozen copy that KL terms refer to. */
    public void setBase(PolicyWeights reference) {
        state.setBase(reference);
    }

    /** Optimizer steps taken. */
    public long steps() {
        return steps;
    }

    /** The adapters in place or to be fetched, until the next step or {@link #close()}; empty when all weights are trained. */
    public Optional<LoraAdapter> adapter() {
        return state.adapter();
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
        return state.weightsInPlace();
    }

    /** The optimizer's state as safetensors: moments by slot, as they are when they are read. */
    public FileContent moments() {
        return state.moments();
    }

    /** Takes up moments and step count of a checkpoint whose weights or adapters this trainer began with. */
    public void restore(Path momentsFile, long stepCount) {
        state.restore(momentsFile, stepCount);
        steps = stepCount;
    }

    /** Log-probs of sampled tokens under the current weights, without gradient. */
    public List<Score> score(List<Sequence> sequences, double temperature) {
        return score(sequences, temperature, state.weights(), state.lora() != null);
    }

    /** Whether {@code adapted}, the adapters are part of what is scored, unless they are in the weights already. */
    private List<Score> score(List<Sequence> sequences, double temperature, WeightStore store, boolean adapted) {
        Score[] out = new Score[sequences.size()];
        for (List<Integer> part : MicroBatches.of(
                sequences, IntStream.range(0, sequences.size()).boxed().toList(), microBatchTokens)) {
            PackedBatch batch = MicroBatches.packed(sequences, part);
            try (NativeSteps.Step step = NativeSteps.enter();
                    PtNDManager scope = transformer.scope()) {
                List<IValue> arguments = new ArrayList<>();
                arguments.add(store.list());
                if (form instanceof Lean) {
                    arguments.addAll(state.leanArguments(scope, store, adapted));
                }
                arguments.addAll(MicroBatches.values(MicroBatches.arrays(scope, batch)));
                arguments.add(IValue.from(temperature));
                try (IValue result = transformer.call(
                        form instanceof Lean ? "score_lean" : "score", arguments.toArray(IValue[]::new))) {
                    IValue[] parts = result.toIValueTuple();
                    float[] logProbs = parts[0].toTensor(scope).toFloatArray();
                    float[] entropies = parts[1].toTensor(scope).toFloatArray();
                    parts[0].close();
                    parts[1].close();
                    MicroBatches.split(part, batch, logProbs, entropies, out);
                } finally {
                    arguments.subList(1, arguments.size()).forEach(IValue::close);
                }
            }
        }
        return List.of(out);
    }

    /**
     * Adds the gradient of the loss of these sequences to the gradient sums.
     *
     * @param plan one entry a sequence, in order
     */
    public Accumulated accumulate(List<Sequence> sequences, CreditPlan plan, LossRule rule, double temperature) {
        List<Integer> use = IntStream.range(0, sequences.size())
                .filter(i -> sequences.get(i).sampled().length > 0
                        && (rule.isRegularised() || plan.rollouts().get(i).hasSignal()))
                .boxed()
                .toList();
        @Nullable Score[] scores = new @Nullable Score[sequences.size()];
        double loss = 0;
        for (List<Integer> part : MicroBatches.of(sequences, use, microBatchTokens)) {
            loss += accumulate(part, sequences, plan, rule, temperature, scores);
        }
        return new Accumulated(loss, Arrays.asList(scores));
    }

    /** A micro-batch: the loss is computed here, between the pass forward and the pass back. */
    private double accumulate(
            List<Integer> part,
            List<Sequence> sequences,
            CreditPlan plan,
            LossRule rule,
            double temperature,
            @Nullable Score[] scores) {
        List<Score> base = rule.klCoefficient() > 0
                ? score(part.stream().map(sequences::get).toList(), temperature, state.base(), false)
                : List.of();
        PackedBatch batch = MicroBatches.packed(sequences, part);
        boolean entropySlopes = rule.entropyCoefficient() > 0;
        try (Backpropagation pass = new Backpropagation(
                transformer,
                state,
                form instanceof Lean,
                batch,
                new Backpropagation.How(temperature, entropySlopes, recomputedLayers(batch.ids.length)))) {
            MicroBatches.split(part, batch, pass.logProbs(), pass.entropies(), scores);
            float[] byLogProb = new float[batch.target.length];
            float[] byEntropy = new float[entropySlopes ? batch.target.length : 0];
            double loss = 0;
            for (int i = 0; i < part.size(); i++) {
                int row = part.get(i);
                LossRule.Result result = Objects.requireNonNull(scores[row])
                        .under(
                                rule,
                                plan.rollouts().get(row),
                                sequences.get(row).behaviour(),
                                base.isEmpty() ? null : base.get(i));
                loss += result.value();
                int at = batch.targetStart[i];
                for (double slope : result.byLogProb()) {
                    if (entropySlopes) {
                        byEntropy[at] = (float) result.byEntropy();
                    }
                    byLogProb[at++] = (float) slope;
                }
            }
            // A loss that float32 cannot hold has slopes that it cannot hold either.
            if (!Float.isFinite((float) loss)) {
                throw new PolicyException("the loss is " + (float) loss);
            }
            pass.backward(byLogProb, byEntropy);
            return loss;
        }
    }

    /** The first layers of a micro-batch that are computed again, because what all of them would keep is too much. */
    private int recomputedLayers(long tokens) {
        return form instanceof Lean
                ? TrainingSize.recomputedLayers(transformer.config(), tokens, state.lora() == null, keptBytes)
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
                IValue out = transformer.call("step", stepArguments(lr, beta1, beta2, epsilon, decay, clip))) {
            double norm = out.toTensor(scope).getFloat();
            if (!Double.isFinite(norm)) {
                throw new PolicyException("the gradient norm is " + norm + "; the weights are as before");
            }
            state.mergeInto();
            FreedMemory.toSystem(transformer.config());
            keptBytes = form instanceof Lean l ? l.keptBytes().getAsLong() : 0;
            steps++;
            return norm;
        }
    }

    /** The gradient sums, in script order; for tests. */
    List<float[]> gradients() {
        return state.gradients().values();
    }

    private IValue[] stepArguments(IValue... numbers) {
        List<IValue> out = new ArrayList<>(state.optimizer());
        out.addAll(Arrays.asList(numbers));
        return out.toArray(IValue[]::new);
    }

    /** Forgets the gradient sums. */
    public void clearGradients() {
        try (IValue done = transformer.call("zero", state.gradients().list())) {
            if (done.toLong() < 1) {
                throw new IllegalStateException("no gradients");
            }
        }
    }

    /** Tensors that the trainer holds; constant between calls. */
    int managedArrays() {
        return transformer.manager().getManagedArrays().size();
    }

    @Override
    public void close() {
        if (state != null) {
            state.close();
        }
        transformer.close();
    }
}
