package io.foothold.policy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A policy as a Hugging Face directory: {@code config.json}, {@code generation_config.json}, {@code tokenizer.json},
 * {@code model.safetensors} (F32, F16 or BF16, sharded or not).
 *
 * <p>A directory of PEFT's (LoRA adapters) opens as its base with the adapters merged in.
 *
 * @param path the directory
 * @param base the directory of the model itself: another one when {@code path} holds adapters
 * @param config its shape
 * @param adapter the adapters, if there are any
 */
public record PolicyDirectory(Path path, Path base, ModelConfig config, Optional<LoraAdapter> adapter) {

    /** Opens a directory. */
    public static PolicyDirectory open(Path path) {
        if (!Files.isDirectory(path)) {
            throw new PolicyException(
                    "policy directory " + path + " does not exist (expected a Hugging Face directory)");
        }
        if (Files.exists(path.resolve(LoraAdapter.CONFIG)) && !Files.exists(path.resolve("config.json"))) {
            Path base = LoraAdapter.basePath(path);
            ModelConfig config = ModelConfig.read(base);
            return new PolicyDirectory(path, base, config, Optional.of(LoraAdapter.read(config, path)));
        }
        return new PolicyDirectory(path, path, ModelConfig.read(path), Optional.empty());
    }

    /** Reads the weights, adapters merged in. */
    public PolicyWeights weights() {
        PolicyWeights own = baseWeights();
        return adapter.map(a -> a.mergedInto(own)).orElse(own);
    }

    /** Reads the weights without adapters. */
    public PolicyWeights baseWeights() {
        return PolicyWeights.read(config, base);
    }

    /** Reads the tokenizer. */
    public Tokenizer tokenizer() {
        return Tokenizer.read(base, config);
    }

    /** Writes a whole directory. */
    public static PolicyDirectory write(Path path, PolicyWeights weights, String tokenizerJson) {
        ModelConfig config = weights.config();
        PolicyWeights.writeDurably(path.resolve("config.json"), config.toJson().getBytes(StandardCharsets.UTF_8));
        String generation = "{\n  \"eos_token_id\": " + config.endTokens() + "\n}\n";
        PolicyWeights.writeDurably(path.resolve("generation_config.json"), generation.getBytes(StandardCharsets.UTF_8));
        PolicyWeights.writeDurably(path.resolve("tokenizer.json"), tokenizerJson.getBytes(StandardCharsets.UTF_8));
        PolicyWeights.writeDurably(path.resolve("model.safetensors"), weights.encode());
        return new PolicyDirectory(path, path, config, Optional.empty());
    }

    /** The text of {@code tokenizer.json}. */
    public String tokenizerJson() {
        try {
            return Files.readString(base.resolve("tokenizer.json"));
        } catch (IOException e) {
            throw new PolicyException(base.resolve("tokenizer.json") + " cannot be read: " + e.getMessage(), e);
        }
    }
}
