package io.foothold.policy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.IValue;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of a {@link Trainer}: weights or adapters, gradient sums, moments, and the base policy. Owned by the trainer's thread.
 */
final class TrainingState implements AutoCloseable {
    private final Transformer transformer;
    private final Trainer.Form form;
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
    private @Nullable WeightStore base;

    TrainingState(Transformer transformer, PolicyWeights initial, @Nullable LoraAdapter adapter, Trainer.Form form) {
        this.transformer = transformer;
        this.form = form;
        boolean lean = form instanceof Trainer.Lean;
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
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** What is computed with. */
    WeightStore weights() {
        return weights;
    }

    /** What steps are taken with: the weights themselves, or adapters. */
    WeightStore trained() {
        return trained;
    }

    WeightStore gradients() {
        return gradients;
    }

    /** Adapters' form; null when all weights are trained. */
    @Nullable
    Lora lora() {
        return lora;
    }

    /** What KL terms refer to. */
    WeightStore base() {
        WeightStore referred = base;
        if (referred == null) {
            throw new IllegalStateException("a KL term needs a base policy");
        }
        return referred;
    }

    /** The optimizer's tensors as arguments: trained, gradient sums, moments, counts of steps. */
    List<IValue> optimizer() {
        return List.of(trained.list(), gradients.list(), firstMoments.list(), secondMoments.list(), counts.list());
    }

    /** Weights, and adapters with their form, as arguments of a call with gradients. */
    NDList arguments(PtNDManager scope) {
        WeightStore under = frozen;
        NDList out = new NDList(under == null ? weights.arrays() : under.arrays());
        Lora own = lora;
        if (own != null) {
            out.addAll(trained.arrays());
            out.add(MicroBatches.named(
                    form instanceof Trainer.Lean
                            ? own.orderArray(scope)
                            : LoraAdapter.placeArray(scope, transformer.config(), own),
                    "places"));
            out.add(MicroBatches.named(Transformer.floats(scope, new float[] {(float) own.scale()}, 1), "scale"));
        }
        return out;
    }

    /** Brings the merged weights up to date, where there are any. */
    void mergeInto() {
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
    void setBase(PolicyWeights reference) {
        if (base != null) {
            throw new IllegalStateException("the trainer has a base policy");
        }
        // Of the base that adapters stand on it is the same: no memory of its own.
        base = kept(
                form instanceof Trainer.Lean
                        ? Folding.of(transformer, reference, true, "base[]", lora == null ? null : weights)
                        : WeightStore.of(transformer, reference, "base[]", false));
    }

    /** The adapters in place or to be fetched, until the next step or {@link #close()}; empty when all weights are trained. */
    Optional<LoraAdapter> adapter() {
        return lora == null
                ? Optional.empty()
                : Optional.of(new LoraAdapter(transformer.config(), lora, trained.tensors()));
    }

    /**
     * The weights, adapters merged in, in place or merged one by one as they are read: what they are then, until {@link #close()}. Read by
     * the trainer's thread.
     */
    PolicyWeights weightsInPlace() {
        PolicyWeights under = origin;
        return under == null ? weights.weights() : adapter().orElseThrow().mergedOver(transformer, under);
    }

    /** The optimizer's state as safetensors: moments by slot, as they are when they are read. */
    FileContent moments() {
        Map<String, WeightTensor> tensors = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            tensors.put("m." + names.get(i), firstMoments.tensors().get(i));
            tensors.put("v." + names.get(i), secondMoments.tensors().get(i));
        }
        return Safetensors.content(tensors);
    }

    /** Takes up moments and step count of a checkpoint whose weights or adapters this trainer began with. */
    void restore(Path momentsFile, long stepCount) {
        try (Arena arena = Arena.ofShared()) {
            Map<String, HostTensor> tensors = Safetensors.read(momentsFile, arena);
            firstMoments.load(moments(tensors, "m.", momentsFile));
            secondMoments.load(moments(tensors, "v.", momentsFile));
        }
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

    /** What the lean score takes between weights and batch; to be closed. */
    List<IValue> leanArguments(PtNDManager scope, WeightStore store, boolean adapted) {
        Lora own = adapted ? lora : null;
        NDList factors = own == null ? new NDList(scope.create(new Shape(0))) : trained.arrays();
        return List.of(
                WeightStore.listOf(factors),
                // Raw are only the weights that are trained themselves.
                IValue.from(lora != null || store != weights),
                IValue.from(own == null ? Transformer.longs(scope, new long[0], 0) : own.orderArray(scope)),
                IValue.from(own == null ? 1 : (double) (float) own.scale()));
    }

    @Override
    public void close() {
        // Before the script, whose memory manager they are of: the lists that are its arguments are not.
        stores.reversed().forEach(WeightStore::close);
        if (origin != null) {
            origin.close();
        }
    }
}
