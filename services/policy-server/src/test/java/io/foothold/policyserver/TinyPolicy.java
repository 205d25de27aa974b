package io.foothold.policyserver;

import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Scorer;
import java.nio.file.Path;
import java.util.List;

/** Policies of some thousand parameters with seeded random weights. */
public final class TinyPolicy {
    private static final ModelConfig CONFIG =
            ModelConfig.qwen3(38, 32, 64, 2, 4, 2, 8, 256).endingWith(List.of(1));
    private static final String TOKENIZER = """
        {"version": "1.0", "decoder": {"type": "Fuse"}, "added_tokens": [{"id": 1, "content": "<e>", "special": true, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}],
         "model": {"type": "WordLevel", "vocab": {"a": 0, "<e>": 1, "b": 2, "c": 3}, "unk_token": "a"}}\
        """;

    private TinyPolicy() {}

    /** Weights of a seed. */
    public static PolicyWeights weights(long seed) {
        return PolicyWeights.random(CONFIG, seed, 0.3);
    }

    /** A Hugging Face directory with them. */
    public static Path directory(Path where, long seed) {
        PolicyDirectory.write(where, weights(seed), TOKENIZER);
        return where;
    }

    /** An artefact with them. */
    public static Path artefact(Path directory, long seed) {
        Path file = directory.resolve("artefact-" + seed + ".safetensors");
        PolicyWeights.writeDurably(file, weights(seed).content());
        return file;
    }

    /** The weights of a seed as a version. */
    public static PolicyVersion version(long number, long seed) {
        return new PolicyVersion(number, weights(seed).digest());
    }

    /** What the learner says of them. The native runtime must have been entered by the calling thread. */
    public static Canary canary(long seed) {
        List<int[]> sequences = Canary.sequences(11, CONFIG.vocabulary(), CONFIG.maxPositions());
        return new Canary(sequences, new Scorer(weights(seed), Precision.EXACT).logProbs(sequences));
    }

    /** Engines of a few slots: canary rows do not fit one call, and sequences are cut. */
    public static GenerationEngine.Settings settings(Precision precision, boolean deterministic) {
        return new GenerationEngine.Settings(16, 112, 4, deterministic, precision);
    }
}
