package io.foothold.policy;

import io.foothold.policy.chat.ChatTemplate;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

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

    private static final List<String> TOKENIZER_FILES = List.of(
            "tokenizer_config.json",
            "chat_template.jinja",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt");

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

    /** The chat template, if the directory has one. */
    public Optional<ChatTemplate> chatTemplate() {
        return ChatTemplate.read(base);
    }

    /**
     * What belongs to the tokenizer beside tokenizer.json, by name, so that another directory becomes as complete as this one.
     * Bytes are read when they are asked for.
     */
    public Map<String, Supplier<byte[]>> tokenizerFiles() {
        Map<String, Supplier<byte[]>> out = new LinkedHashMap<>();
        for (String name : TOKENIZER_FILES) {
            Path file = base.resolve(name);
            if (Files.exists(file)) {
                out.put(name, () -> {
                    try {
                        return Files.readAllBytes(file);
                    } catch (IOException e) {
                        throw new PolicyException(file + " cannot be read: " + e.getMessage(), e);
                    }
                });
            }
        }
        return out;
    }

    /** Writes a whole directory. */
    public static PolicyDirectory write(Path path, PolicyWeights weights, String tokenizerJson) {
        files(weights, tokenizerJson)
                .forEach((name, bytes) -> PolicyWeights.writeDurably(path.resolve(name), bytes.get()));
        return new PolicyDirectory(path, path, weights.config(), Optional.empty());
    }

    /** The files of a directory by name; bytes are made when they are asked for, so that one file at a time is in memory. */
    public static Map<String, Supplier<byte[]>> files(PolicyWeights weights, String tokenizerJson) {
        ModelConfig config = weights.config();
        Map<String, Supplier<byte[]>> out = new LinkedHashMap<>();
        out.put("config.json", () -> config.toJson().getBytes(StandardCharsets.UTF_8));
        String generation = "{\n  \"eos_token_id\": " + config.endTokens() + "\n}\n";
        out.put("generation_config.json", () -> generation.getBytes(StandardCharsets.UTF_8));
        out.put("tokenizer.json", () -> tokenizerJson.getBytes(StandardCharsets.UTF_8));
        out.put("model.safetensors", weights::encode);
        return out;
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
