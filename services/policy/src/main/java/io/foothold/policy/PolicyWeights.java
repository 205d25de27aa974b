package io.foothold.policy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * The weights of a policy in host memory, float32, in script order. Immutable by convention: nobody writes into the arrays
 * after construction.
 */
public final class PolicyWeights {
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";

    private final ModelConfig config;
    private final List<float[]> slots;

    PolicyWeights(ModelConfig config, List<float[]> slots) {
        this.config = config;
        this.slots = List.copyOf(slots);
    }

    /** The shape that the weights fit. */
    public ModelConfig config() {
        return config;
    }

    List<float[]> slots() {
        return slots;
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
        List<float[]> out = new ArrayList<>();
        for (WeightLayout.Slot slot : WeightLayout.of(config).slots()) {
            float[] values = new float[slot.size()];
            int at = 0;
            for (WeightLayout.Part part : slot.parts()) {
                boolean norm = part.columns() == 0 && !part.name().endsWith(".bias");
                boolean output = part.name().contains("o_proj") || part.name().contains("down_proj");
                double sd = part.name().contains("embed_tokens") || part.name().equals(HEAD)
                        ? embeddingDeviation
                        : Math.pow(Math.max(1, part.columns()), -0.5) / (output ? Math.sqrt(2.0 * config.layers()) : 1);
                for (int i = 0; i < part.size(); i++) {
                    values[at++] = part.columns() == 0 ? (norm ? 1 : 0) : (float) (random.nextGaussian() * sd);
                }
            }
            out.add(values);
        }
        return new PolicyWeights(config, out);
    }

    /** Reads the weights of a Hugging Face directory. */
    public static PolicyWeights read(ModelConfig config, Path directory) {
        return of(config, Safetensors.readDirectory(directory), directory.toString());
    }

    /**
     * Reads an artefact and verifies it.
     *
     * @param digest SHA-256 of the file, hexadecimal
     */
    public static PolicyWeights readArtefact(ModelConfig config, Path file, String digest) {
        // The digest that it has is not told: whoever may name files would learn what stands in any of them.
        if (!digestOf(file).equals(digest)) {
            throw new PolicyException("artefact " + file + " is damaged or another one: its digest is not " + digest);
        }
        return of(config, Safetensors.read(file), file.toString());
    }

    private static PolicyWeights of(ModelConfig config, Map<String, Safetensors.Tensor> tensors, String where) {
        Map<String, Safetensors.Tensor> left = new LinkedHashMap<>(tensors);
        // Old versions of transformers saved the rotary frequencies, which config.json gives.
        left.keySet().removeIf(name -> name.endsWith("rotary_emb.inv_freq"));
        Safetensors.Tensor head = config.tied() ? left.remove(HEAD) : null;
        if (head != null) {
            checkTied(head, left.get(EMBEDDING), where);
        }
        List<float[]> out = new ArrayList<>();
        for (WeightLayout.Slot slot : WeightLayout.of(config).slots()) {
            float[] values = new float[slot.size()];
            int at = 0;
            for (WeightLayout.Part part : slot.parts()) {
                Safetensors.Tensor tensor = left.remove(part.name());
                if (tensor == null) {
                    throw new PolicyException(where + ": tensor '" + part.name() + "' is missing");
                }
                if (!Arrays.equals(tensor.shape(), part.shape())) {
                    throw new PolicyException(where + ": tensor '" + part.name() + "' has shape "
                            + Arrays.toString(tensor.shape()) + " (expected " + Arrays.toString(part.shape()) + ")");
                }
                tensor.requireNumbers(part.name(), where);
                System.arraycopy(tensor.data(), 0, values, at, tensor.data().length);
                at += part.size();
            }
            out.add(values);
        }
        if (!left.isEmpty()) {
            throw new PolicyException(where + ": tensors that config.json does not name: " + left.keySet());
        }
        return new PolicyWeights(config, out);
    }

    /** A model that shares its embedding may write it again as its head, but no other one. */
    private static void checkTied(Safetensors.Tensor head, Safetensors.@Nullable Tensor embedding, String where) {
        if (embedding == null) {
            return;
        }
        String tied = ": tensor '" + HEAD + "' differs from '" + EMBEDDING
                + "', though config.json has tie_word_embeddings = true: ";
        if (!Arrays.equals(head.shape(), embedding.shape())) {
            throw new PolicyException(where + tied + "shape " + Arrays.toString(head.shape()) + " and "
                    + Arrays.toString(embedding.shape()));
        }
        int at = Arrays.mismatch(head.data(), embedding.data());
        if (at >= 0) {
            throw new PolicyException(
                    where + tied + head.data()[at] + " and " + embedding.data()[at] + " at " + head.place(at));
        }
    }

    /** The bytes of a safetensors file under Hugging Face's names. */
    public byte[] encode() {
        Map<String, Safetensors.Tensor> tensors = new LinkedHashMap<>();
        List<WeightLayout.Slot> layout = WeightLayout.of(config).slots();
        for (int s = 0; s < layout.size(); s++) {
            int at = 0;
            for (WeightLayout.Part part : layout.get(s).parts()) {
                tensors.put(
                        part.name(),
                        new Safetensors.Tensor(part.shape(), Arrays.copyOfRange(slots.get(s), at, at + part.size())));
                at += part.size();
            }
        }
        return Safetensors.encode(tensors);
    }

    /** SHA-256 of {@link #encode()}, hexadecimal: the name of a policy version. */
    public String digest() {
        return digestOf(encode());
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

    /** Writes a file so that after a crash it is there whole or not at all. */
    public static void writeDurably(Path file, byte[] bytes) {
        try {
            Disk.REAL.replace(file, bytes);
        } catch (IOException e) {
            throw new PolicyException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }
}
