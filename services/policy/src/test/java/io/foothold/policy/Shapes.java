package io.foothold.policy;

import java.util.List;

/** Small shapes for tests. */
final class Shapes {
    static final int END = 1;

    private Shapes() {}

    static ModelConfig qwen3() {
        return ModelConfig.qwen3(38, 32, 64, 2, 4, 2, 8, 64, List.of(END));
    }

    /** The shape of the shipped policy: the one that bit equality is claimed for. */
    static ModelConfig shipped() {
        return ModelConfig.qwen3(38, 96, 256, 3, 4, 2, 24, 256, List.of(END));
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
}
