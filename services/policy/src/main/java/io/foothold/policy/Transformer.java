package io.foothold.policy;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.ParameterStore;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * The script, loaded: one native call a method. Holds no weights. Belongs to one thread at a time, which has called
 * {@link NativeRuntime#enterThread()}.
 *
 * <p>The script computes with folded weights, which {@code fold} makes from those of {@link WeightLayout}: once a weight change
 * in the sampler, inside autograd in every micro-batch of the learner, so that both do the same arithmetic. With width d,
 *
 * <ul>
 *   <li>RMSNorm(x) · w = u(x) · (√d · w), u(x) = x / √(‖x‖² + d · ε); √d · w goes into the columns of the matrix behind it.
 *   <li>Rotation turns pairs (i, i + d/2) of a head: the rows of q and k are put in the order of pairs, and a head is multiplied by
 *       complex numbers of length 1. Scores do not change when q and k are permuted alike.
 *   <li>1/√(head dimension) of attention goes into q's scale.
 * </ul>
 *
 * <p>A decode step multiplies one query a head with many keys: products so thin that libtorch's batched product computes them four
 * lanes at a time on AMD. They are also weighted sums of table rows, Σ_c q_c · K[c] over channels and Σ_l p_l · V[l] over keys,
 * which libtorch's embedding bag does with all lanes. {@link Precision#FAST} uses that: its values lie as [heads of rows, keys,
 * channels], its keys as [heads of rows, pages, channels, keys of a page], a bag is a (row, head, page) or a (row, head). A bag is
 * summed in one order whatever its neighbours are. {@link Precision#EXACT} multiplies in double and has no pages.
 *
 * <p>Folded list: embedding; head [d, V]; then six a layer: q, k, v [d, rows], scale of q and k heads, o, gate and up [d, 2F], down,
 * bias of q, k, v (or a stand-in where the model has none). All products take transposed, contiguous matrices.
 *
 * <p>What the lean methods take, which train beyond small models (see {@link Trainer}): embedding; gain of the last norm, √d · w; then
 * eight a layer, those six and the gains of its two norms, which adapters need; the head's own matrix where it is not the embedding. Or raw
 * weights, of which they fold one layer at a time. An adapter of a folded matrix is two thin ones, [in, r] with the gain in it and [r, out] with the
 * scale in it; those of one matrix stand side by side.
 */
final class Transformer implements AutoCloseable {
    /** The files of the script: one class, whose head stands in the first. */
    private static final List<String> PARTS = List.of("model", "loss", "adapters", "optimizer", "decode");

    /** Types of numbers as libtorch counts them. */
    static final int FLOAT32 = 6;

    static final int FLOAT64 = 7;
    static final int BFLOAT16 = 15;

    private final ModelConfig config;
    private final Placement placement;
    private final Model model;
    private final PtSymbolBlock block;
    private final PtNDManager manager;
    private final ParameterStore parameters;

    Transformer(ModelConfig config, Precision precision) {
        this(config, Placement.host(precision), Trainer.Lean.STANDARD);
    }

    Transformer(ModelConfig config, Placement placement, Trainer.Lean sizes) {
        NativeRuntime.enterThread();
        this.config = config;
        this.placement = placement;
        byte[] archive = archive(config, placement, sizes);
        try (NativeSteps.Step step = NativeSteps.enter()) {
            // DJL's own choice would be a GPU wherever it sees one. What Java makes for a call lies here, and the
            // script brings it along.
            this.model = Model.newInstance("policy", Device.cpu(), "PyTorch");
            model.load(new ByteArrayInputStream(archive), Map.of("trainParam", "true"));
        } catch (IOException | MalformedModelException e) {
            throw new PolicyException("the transformer script cannot be loaded: " + e.getMessage(), e);
        }
        this.block = (PtSymbolBlock) model.getBlock();
        this.manager = (PtNDManager) model.getNDManager();
        this.parameters = new ParameterStore(manager, false);
        try {
            selfTest();
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** The script with the constants of a model, as libtorch loads it. */
    static byte[] archive(ModelConfig config, Placement placement, Trainer.Lean sizes) {
        Map<String, Object> attributes = new LinkedHashMap<>();
        attributes.put("training", true);
        attributes.put("inv_freq", config.inverseFrequencies());
        attributes.put("int32", 3);
        attributes.put("int64", 4);
        attributes.put("float32", FLOAT32);
        attributes.put("float64", FLOAT64);
        attributes.put("bfloat16", BFLOAT16);
        attributes.put("layers", config.layers());
        attributes.put("heads", config.heads());
        attributes.put("kv_heads", config.kvHeads());
        attributes.put("head_dim", config.headDim());
        attributes.put("eps", config.epsilon());
        attributes.put("qk_norm", config.qkNorm());
        attributes.put("qkv_bias", config.qkvBias());
        attributes.put("tied", config.tied());
        attributes.put("exact", placement.precision() == Precision.EXACT);
        attributes.put("half", placement.half());
        attributes.put("paged", placement.paged());
        attributes.put("device", placement.device().name());
        attributes.put("stride", WeightLayout.of(config).stride());
        attributes.put("chunk_numbers", (int) sizes.chunkNumbers());
        attributes.put("kept_numbers", (int) sizes.keptNumbers());
        return TorchScriptArchive.write("Transformer", attributes, source());
    }

    /** The text of the script. */
    static String source() {
        return PARTS.stream().map(Transformer::part).collect(Collectors.joining("\n"));
    }

    private static String part(String name) {
        String resource = "transformer/" + name + ".ts.py";
        try (InputStream in = Transformer.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new PolicyException("resource " + resource + " is missing from the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A libtorch that does not fit the JNI glue loads without a word and then reads memory wrongly: ask it something. */
    private void selfTest() {
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = scope();
                IValue x = IValue.from(floats(scope, new float[] {1, 2, 3, 4}, 2, 2));
                IValue out = call("check", x)) {
            IValue[] parts = out.toIValueTuple();
            float[] product = parts[0].toTensor(scope).toFloatArray();
            if (product[0] != 7 || product[1] != 10 || product[2] != 15 || product[3] != 22 || parts[1].toLong() != 2) {
                throw new PolicyException("libtorch does not fit its Java glue: [[1,2],[3,4]] squared came out wrong");
            }
        }
    }

    ModelConfig config() {
        return config;
    }

    Placement placement() {
        return placement;
    }

    PtNDManager manager() {
        return manager;
    }

    /** Zeros on the script's device, of one of the types above; they go with the script unless they are closed before. */
    NDArray zeros(int type, long... shape) {
        if (placement.device().host() && type != BFLOAT16) {
            return manager.zeros(new Shape(shape), type == FLOAT32 ? DataType.FLOAT32 : DataType.FLOAT64);
        }
        return made(type, shape);
    }

    /** The same of any numbers: whoever asks for it writes all of them. */
    NDArray unset(int type, long... shape) {
        return placement.device().host() && type == FLOAT32 ? manager.create(new Shape(shape)) : made(type, shape);
    }

    private NDArray made(int type, long... shape) {
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = scope()) {
            NDList arguments = new NDList(longs(scope, shape, shape.length), longs(scope, new long[] {type}, 1));
            NDArray out = callWithGradients(scope, "made", arguments).get(0);
            out.attach(manager);
            return out;
        }
    }

    /** Writes all numbers of a tensor, float32, wherever it lies: where that is elsewhere they are gathered in host memory first. */
    void fill(NDArray target, Consumer<MemorySegment> filling) {
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = scope();
                Arena arena = Arena.ofShared()) {
            if (HostTensor.liesHere(target)) {
                filling.accept(HostTensor.inPlace(target, arena).bytes());
                return;
            }
            NDArray gathered = scope.create(target.getShape());
            filling.accept(HostTensor.inPlace(gathered, arena).bytes());
            try (IValue into = IValue.from((PtNDArray) target);
                    IValue from = IValue.from((PtNDArray) gathered);
                    IValue done = call("assign", into, from)) {
                if (done.toLong() != target.size()) {
                    throw new IllegalStateException("wrote " + done.toLong() + " of " + target.size() + " numbers");
                }
            }
        }
    }

    /** A manager of what lies in host memory and goes with the call. */
    PtNDManager scope() {
        return (PtNDManager) manager.newSubManager();
    }

    /** Calls a method without autograd. The caller closes arguments and result. */
    IValue call(String method, IValue... arguments) {
        try (NativeSteps.Step step = NativeSteps.enter()) {
            return IValueUtils.runMethod(block, method, arguments);
        }
    }

    /**
     * Some steps of all rows.
     *
     * @param rows n
     * @param steps of each row, s
     * @param state [n, 3 + s]: token that is fed, its position, top-k; then the given token of each step, −1 for none
     * @param numbers [n, 2 + s]: temperature, top-p; then the uniform number of each step
     * @param blocks [blocks, 2]: end row and keys of each
     * @param ends tokens that rows which are held do not draw
     * @param holds [n]: 1 for those rows
     * @param restricted whether a row has a top-k or top-p
     * @param plain whether all rows sample at temperature 1 and nothing is given
     */
    record Decode(
            int rows,
            int steps,
            long[] state,
            float[] numbers,
            long[] blocks,
            long[] ends,
            long[] holds,
            boolean restricted,
            boolean plain) {}

    /**
     * What the steps gave.
     *
     * @param tokens [n, s]
     * @param logProbs [n, s], nats
     */
    record Decoded(long[] tokens, float[] logProbs) {}

    /** Decodes over a cache, which takes the new keys, with folded weights. */
    Decoded decode(IValue folded, KeyValueCache cache, Decode call) {
        int n = call.rows();
        try (NativeSteps.Step step = NativeSteps.enter();
                PtNDManager scope = scope();
                IValue state = IValue.from(longs(scope, call.state(), n, 3 + call.steps()));
                IValue numbers = IValue.from(floats(scope, call.numbers(), n, 2 + call.steps()));
                IValue steps = IValue.from((long) call.steps());
                IValue blocks = IValue.from(longs(scope, call.blocks(), call.blocks().length / 2, 2));
                IValue ends = IValue.from(longs(scope, call.ends(), call.ends().length));
                IValue holds = IValue.from(longs(scope, call.holds(), n, 1));
                IValue restricted = IValue.from(call.restricted());
                IValue plain = IValue.from(call.plain());
                IValue out = call(
                        "decode",
                        folded,
                        cache.keys(),
                        cache.values(),
                        state,
                        numbers,
                        steps,
                        blocks,
                        ends,
                        holds,
                        restricted,
                        plain)) {
            IValue[] parts = out.toIValueTuple();
            long[] tokens = parts[0].toTensor(scope).toLongArray();
            float[] logProbs = parts[1].toTensor(scope).toFloatArray();
            parts[0].close();
            parts[1].close();
            return new Decoded(tokens, logProbs);
        }
    }

    /** Calls a method with autograd. Arrays that share a name ending in {@code []} are one list argument. */
    NDList callWithGradients(PtNDManager scope, String method, NDList arguments) {
        NDArray selector = scope.create(0);
        selector.setName("module_method:" + method);
        NDList all = new NDList(arguments);
        all.add(selector);
        try (NativeSteps.Step step = NativeSteps.enter()) {
            JniUtils.setGradMode(true);
            NDList out = block.forward(parameters, all, true);
            out.attach(scope);
            return out;
        } finally {
            JniUtils.setGradMode(false);
        }
    }

    static PtNDArray floats(PtNDManager scope, float[] values, long... shape) {
        return (PtNDArray) scope.create(values, new Shape(shape));
    }

    static PtNDArray longs(PtNDManager scope, long[] values, long... shape) {
        return (PtNDArray) scope.create(values, new Shape(shape));
    }

    @Override
    public void close() {
        NativeSteps.release(model::close);
    }
}
