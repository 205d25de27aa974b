package io.foothold.policy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a policy outside of the heap: in mapped files or in native memory. Nobody writes there after construction. Any thread may
 * read them.
 *
 * <p>{@link #close()} gives the memory back at once; whoever reads afterwards meets an {@link IllegalStateException}. A process that ends
 * need not.
 */
public final class PolicyWeights implements AutoCloseable {
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";
    /** Random numbers that are drawn at a time. */
    private static final int PIECE = 1 << 16;

    private final ModelConfig config;
    private final Map<String, WeightTensor> parts;
    private final @Nullable Arena own;
    /** Who has not closed them yet. */
    private final AtomicInteger holders;

    private final AtomicBoolean closed = new AtomicBoolean();

    /**
     * Weights.
     *
     * @param parts every part of the layout by name
     * @param own what {@link #close()} closes; null when the memory is somebody else's
     */
    PolicyWeights(ModelConfig config, Map<String, ? extends WeightTensor> parts, @Nullable Arena own) {
        this(config, Map.copyOf(parts), own, new AtomicInteger(1));
    }

    private PolicyWeights(
            ModelConfig config, Map<String, WeightTensor> parts, @Nullable Arena own, AtomicInteger holders) {
        this.config = config;
        this.parts = parts;
        this.own = own;
        this.holders = holders;
    }

    /** The same weights for one more holder: the memory stays until each has closed its own. */
    PolicyWeights shared() {
        if (holders.getAndUpdate(n -> n == 0 ? 0 : n + 1) == 0) {
            throw new IllegalStateException("the weights are closed");
        }
        return new PolicyWeights(config, parts, own, holders);
    }

    /** The shape that the weights fit. */
    public ModelConfig config() {
        return config;
    }

    /** A tensor of the layout; one that is computed or fetched is so each time. */
    HostTensor part(String name) {
        return switch (parts.get(name)) {
            case null -> throw new IllegalArgumentException("no tensor '" + name + "'");
            case WeightTensor some -> some.value(Arena.ofAuto());
        };
    }

    private HostTensor part(String name, Arena arena) {
        return Objects.requireNonNull(parts.get(name), name).value(arena);
    }

    /** These weights with other tensors in the place of some, in the same memory. */
    PolicyWeights with(Map<String, ? extends WeightTensor> others) {
        Map<String, WeightTensor> all = new LinkedHashMap<>(parts);
        all.putAll(others);
        return new PolicyWeights(config, all, null);
    }

    /** The weights copied, what is computed computed. The caller closes them. */
    PolicyWeights copied() {
        Arena arena = Arena.ofShared();
        Map<String, HostTensor> out = new LinkedHashMap<>();
        try (NativeSteps.Step step = NativeSteps.enter()) {
            for (WeightLayout.Slot slot : WeightLayout.of(config).slots()) {
                for (WeightLayout.Part part : slot.parts()) {
                    if (parts.get(part.name()) instanceof HostTensor from) {
                        HostTensor copy = HostTensor.zeros(part.shape(), arena);
                        from.copyTo(copy.bytes());
                        from.unload();
                        out.put(part.name(), copy);
                    } else {
                        out.put(part.name(), part(part.name(), arena));
                    }
                }
            }
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
        return new PolicyWeights(config, out, arena);
    }

    /**
     * Seeded random weights: projections N(0, 1/fan-in), output projections scaled by 1/√(2 layers), embedding N(0, 0.05²),
     * norms 1, biases 0.
     */
    public static PolicyWeights random(ModelConfig config, long seed) {
        return random(config, seed, 0.05);
    }

    /** The same with another standard deviation of the embedding. */
    public static PolicyWeights random(ModelConfig config, long seed, double embeddingDeviation) {
        SplittableRandom random = new SplittableRandom(seed);
        Arena arena = Arena.ofShared();
        Map<String, HostTensor> out = new LinkedHashMap<>();
        for (WeightLayout.Slot slot : WeightLayout.of(config).slots()) {
            for (WeightLayout.Part part : slot.parts()) {
                HostTensor tensor = HostTensor.zeros(part.shape(), arena);
                boolean norm = part.columns() == 0 && !part.name().endsWith(".bias");
                boolean output = part.name().contains("o_proj") || part.name().contains("down_proj");
                double sd = part.name().contains("embed_tokens") || part.name().equals(HEAD)
                        ? embeddingDeviation
                        : Math.pow(Math.max(1, part.columns()), -0.5) / (output ? Math.sqrt(2.0 * config.layers()) : 1);
                float[] piece = new float[(int) Math.min(PIECE, part.size())];
                for (long at = 0; at < part.size(); at += piece.length) {
                    int n = (int) Math.min(piece.length, part.size() - at);
                    for (int i = 0; i < n; i++) {
                        piece[i] = part.columns() == 0 ? (norm ? 1 : 0) : (float) (random.nextGaussian() * sd);
                    }
                    MemorySegment.copy(piece, 0, tensor.bytes(), ValueLayout.JAVA_FLOAT, at * Float.BYTES, n);
                }
                out.put(part.name(), tensor);
            }
        }
        return new PolicyWeights(config, out, arena);
    }

    /** The weights of a Hugging Face directory, mapped: they are read when they are used. */
    public static PolicyWeights read(ModelConfig config, Path directory) {
        return mapped(config, directory.toString(), arena -> Safetensors.readDirectory(directory, arena));
    }

    /**
     * Verifies an artefact and maps it.
     *
     * @param digest SHA-256 of the file, hexadecimal
     */
    public static PolicyWeights readArtefact(ModelConfig config, Path file, String digest) {
        // The digest that it has is not told: whoever may name files would learn what stands in any of them.
        if (!digestOf(file).equals(digest)) {
            throw new PolicyException("artefact " + file + " is damaged or another one: its digest is not " + digest);
        }
        return mapped(config, file.toString(), arena -> Safetensors.read(file, arena));
    }

    private interface Mapping {
        Map<String, HostTensor> into(Arena arena);
    }

    private static PolicyWeights mapped(ModelConfig config, String where, Mapping mapping) {
        Arena arena = Arena.ofShared();
        try {
            return of(config, mapping.into(arena), where, arena);
        } catch (RuntimeException | Error e) {
            arena.close();
            // What the virtual machine says of a mapped page that is not in its file any more.
            if (e instanceof InternalError) {
                throw new PolicyException(where + " was cut short while it was read", e);
            }
            throw e;
        }
    }

    private static PolicyWeights of(ModelConfig config, Map<String, HostTensor> tensors, String where, Arena arena) {
        Map<String, HostTensor> left = new LinkedHashMap<>(tensors);
        // Old versions of transformers saved the rotary frequencies, which config.json gives.
        left.keySet().removeIf(name -> name.endsWith("rotary_emb.inv_freq"));
        HostTensor head = config.tied() ? left.remove(HEAD) : null;
        if (head != null) {
            checkTied(head, left.get(EMBEDDING), where);
        }
        Map<String, HostTensor> out = new LinkedHashMap<>();
        for (WeightLayout.Slot slot : WeightLayout.of(config).slots()) {
            for (WeightLayout.Part part : slot.parts()) {
                HostTensor tensor = left.remove(part.name());
                if (tensor == null) {
                    throw new PolicyException(where + ": tensor '" + part.name() + "' is missing");
                }
                if (!Arrays.equals(tensor.shape(), part.shape())) {
                    throw new PolicyException(where + ": tensor '" + part.name() + "' has shape "
                            + Arrays.toString(tensor.shape()) + " (expected " + Arrays.toString(part.shape()) + ")");
                }
                tensor.requireNumbers(part.name(), where);
                tensor.unload();
                out.put(part.name(), tensor);
            }
        }
        if (!left.isEmpty()) {
            throw new PolicyException(
                    where + ": tensors that config.json does not name: " + new TreeSet<>(left.keySet()));
        }
        return new PolicyWeights(config, out, arena);
    }

    /** A model that shares its embedding may write it again as its head, but no other one. */
    private static void checkTied(HostTensor head, @Nullable HostTensor embedding, String where) {
        if (embedding == null) {
            return;
        }
        String tied = ": tensor '" + HEAD + "' differs from '" + EMBEDDING
                + "', though config.json has tie_word_embeddings = true: ";
        if (!Arrays.equals(head.shape(), embedding.shape())) {
            throw new PolicyException(where + tied + "shape " + Arrays.toString(head.shape()) + " and "
                    + Arrays.toString(embedding.shape()));
        }
        long at = head.mismatch(embedding);
        if (at >= 0) {
            throw new PolicyException(
                    where + tied + head.get(at) + " and " + embedding.get(at) + " at " + head.place(at));
        }
    }

    /** A safetensors file under Hugging Face's names, float32. */
    public FileContent content() {
        return Safetensors.content(parts);
    }

    /** SHA-256 of {@link #content()}, hexadecimal: the name of a policy version. */
    public String digest() {
        try {
            return Sha256.of(content());
        } catch (IOException e) {
            throw new PolicyException("weights cannot be read: " + e.getMessage(), e);
        }
    }

    /** SHA-256 of some bytes, hexadecimal. */
    public static String digestOf(byte[] bytes) {
        return Sha256.of(bytes);
    }

    private static String digestOf(Path file) {
        try {
            return Sha256.of(file);
        } catch (IOException e) {
            throw new PolicyException("artefact " + file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Writes a file so that after a crash it is there whole or not at all.
     *
     * @return its SHA-256, hexadecimal
     */
    public static String writeDurably(Path file, FileContent content) {
        try {
            return Disk.REAL.replace(file, content);
        } catch (IOException e) {
            throw new PolicyException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true) && holders.decrementAndGet() == 0 && own != null) {
            own.close();
        }
    }
}
