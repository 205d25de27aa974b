package io.foothold.policy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A policy as a Hugging Face directory: {@code config.json}, {@code generation_config.json}, {@code tokenizer.json},
 * {@code model.safetensors} (F32, F16 or BF16, sharded or not).
 *
 * @param path the directory
 * @param config its shape
 */
public record PolicyDirectory(Path path, ModelConfig config) {

    /** Opens a directory. */
    public static PolicyDirectory open(Path path) {
        if (!Files.isDirectory(path)) {
            throw new PolicyException(
                    "policy directory " + path + " does not exist (expected a Hugging Face directory)");
        }
        return new PolicyDirectory(path, ModelConfig.read(path));
    }

    /** Reads the weights. */
    public PolicyWeights weights() {
        return PolicyWeights.read(config, path);
    }

    /** Reads the tokenizer. */
    public Tokenizer tokenizer() {
        return Tokenizer.read(path, config);
    }

    /** Writes a whole directory. */
    public static PolicyDirectory write(Path path, PolicyWeights weights, String tokenizerJson) {
        ModelConfig config = weights.config();
        PolicyWeights.writeDurably(path.resolve("config.json"), config.toJson().getBytes(StandardCharsets.UTF_8));
        String generation = "{\n  \"eos_token_id\": " + config.endTokens() + "\n}\n";
        PolicyWeights.writeDurably(path.resolve("generation_config.json"), generation.getBytes(StandardCharsets.UTF_8));
        PolicyWeights.writeDurably(path.resolve("tokenizer.json"), tokenizerJson.getBytes(StandardCharsets.UTF_8));
        PolicyWeights.writeDurably(path.resolve("model.safetensors"), weights.encode());
        return new PolicyDirectory(path, config);
    }

    /** The text of {@code tokenizer.json}. */
    public String tokenizerJson() {
        try {
            return Files.readString(path.resolve("tokenizer.json"));
        } catch (IOException e) {
            throw new PolicyException(path.resolve("tokenizer.json") + " cannot be read: " + e.getMessage(), e);
        }
    }
}
