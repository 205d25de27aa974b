package io.foothold.policy;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Small shapes for tests. */
final class Shapes {
    static final int END = 1;

    private Shapes() {}

    static ModelConfig qwen3() {
        return ModelConfig.qwen3(38, 32, 64, 2, 4, 2, 8, 64).endingWith(List.of(END));
    }

    /** The shape of the shipped policy: the one that bit equality is claimed for. */
    static ModelConfig shipped() {
        return ModelConfig.qwen3(38, 96, 256, 3, 4, 2, 24, 256).endingWith(List.of(END));
    }

    static ModelConfig of(ModelConfig.Architecture architecture, boolean tied) {
        return new ModelConfig(
                architecture,
                38,
                32,
                64,
                2,
                4,
                2,
                8,
                64,
                1e-6,
                10_000,
                architecture == ModelConfig.Architecture.LLAMA ? new ModelConfig.Llama3Scaling(8, 1, 4, 16) : null,
                tied,
                architecture == ModelConfig.Architecture.QWEN2,
                architecture == ModelConfig.Architecture.QWEN3,
                List.of(END));
    }

    /** Weights that give a distribution which is neither flat nor a single token. */
    static PolicyWeights weights(ModelConfig config, long seed) {
        return PolicyWeights.random(config, seed, 0.3);
    }

    /** The weights in script order, copied into the heap. */
    static List<float[]> slots(PolicyWeights weights) {
        List<float[]> out = new ArrayList<>();
        for (WeightLayout.Slot slot : WeightLayout.of(weights.config()).slots()) {
            float[] values = new float[Math.toIntExact(slot.size())];
            int at = 0;
            for (WeightLayout.Part part : slot.parts()) {
                float[] own = weights.part(part.name()).toArray();
                System.arraycopy(own, 0, values, at, own.length);
                at += own.length;
            }
            out.add(values);
        }
        return out;
    }

    /** Weights of arrays in script order. */
    static PolicyWeights of(ModelConfig config, List<float[]> slots) {
        Map<String, HostTensor> parts = new LinkedHashMap<>();
        List<WeightLayout.Slot> layout = WeightLayout.of(config).slots();
        for (int s = 0; s < layout.size(); s++) {
            int at = 0;
            for (WeightLayout.Part part : layout.get(s).parts()) {
                int end = at + Math.toIntExact(part.size());
                parts.put(part.name(), HostTensor.of(part.shape(), Arrays.copyOfRange(slots.get(s), at, end)));
                at = end;
            }
        }
        return new PolicyWeights(config, parts, null);
    }

    /** The tensors of a file, copied into memory, so that the file may be written anew. */
    static Map<String, HostTensor> copied(Path file) {
        Map<String, HostTensor> out = new LinkedHashMap<>();
        Safetensors.read(file, Arena.ofAuto())
                .forEach((name, tensor) -> out.put(name, HostTensor.of(tensor.shape(), tensor.toArray())));
        return out;
    }
}
