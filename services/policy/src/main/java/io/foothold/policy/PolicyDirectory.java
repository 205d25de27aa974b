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
        if (adapters(path)) {
            Path base = LoraAdapter.basePath(path);
            ModelConfig config = ModelConfig.read(base);
            return new PolicyDirectory(path, base, config, Optional.of(LoraAdapter.read(config, path)));
        }
        return new PolicyDirectory(path, path, ModelConfig.read(path), Optional.empty());
    }

    /**
     * Which other directory opening one would read: the base that its adapters name. It need not exist; nothing of it is read here.
     */
    public static Optional<Path> adaptedBase(Path path) {
        return adapters(path) ? Optional.of(LoraAdapter.namedBase(path)) : Optional.empty();
    }

    private static boolean adapters(Path path) {
        return Files.exists(path.resolve(LoraAdapter.CONFIG)) && !Files.exists(path.resolve("config.json"));
    }

    /** The weights, adapters merged in. The caller closes them. */
    public PolicyWeights weights() {
        if (adapter.isEmpty()) {
            return baseWeights();
        }
        try (PolicyWeights own = baseWeights()) {
            return adapter.get().mergedInto(own);
        }
    }

    /** The weights without adapters. The caller closes them. */
    public PolicyWeights baseWeights() {
        return PolicyWeights.read(config, base);
    }

    /**
     * Checks by their headers that the files of the weights are there and whole, which takes no time however large they are.
     *
     * @throws PolicyException naming the file that is missing, cut short or not of its index
     */
    public void checkWeightFiles() {
        CausalModel.of(this).checkWeightFiles();
    }

    /** Reads the tokenizer. */
    public Tokenizer tokenizer() {
        return Tokenizer.read(base, config.vocabulary());
    }

    /** The chat template, if the directory has one. */
    public Optional<ChatTemplate> chatTemplate() {
        return ChatTemplate.read(base);
    }

    /** What belongs to the tokenizer beside tokenizer.json, by name, so that another directory becomes as complete as this one. */
    public Map<String, FileContent> tokenizerFiles() {
        return tokenizerFiles(base);
    }

    /** The same of any model's directory. */
    public static Map<String, FileContent> tokenizerFiles(Path base) {
        Map<String, FileContent> out = new LinkedHashMap<>();
        for (String name : TOKENIZER_FILES) {
            Path file = base.resolve(name);
            if (Files.exists(file)) {
                out.put(name, FileContent.of(file));
            }
        }
        return out;
    }

    /** Writes a whole directory. */
    public static PolicyDirectory write(Path path, PolicyWeights weights, String tokenizerJson) {
        files(weights, tokenizerJson)
                .forEach((name, content) -> PolicyWeights.writeDurably(path.resolve(name), content));
        return new PolicyDirectory(path, path, weights.config(), Optional.empty());
    }

    /** The files of a directory by name. */
    public static Map<String, FileContent> files(PolicyWeights weights, String tokenizerJson) {
        Map<String, FileContent> out = new LinkedHashMap<>(description(weights.config(), tokenizerJson));
        out.put("model.safetensors", weights.content());
        return out;
    }

    /** The files of a directory besides the weights, by name. */
    public static Map<String, FileContent> description(ModelConfig config, String tokenizerJson) {
        Map<String, FileContent> out = new LinkedHashMap<>();
        out.put("config.json", text(config.toJson()));
        out.put("generation_config.json", text("{\n  \"eos_token_id\": " + config.endTokens() + "\n}\n"));
        out.put("tokenizer.json", text(tokenizerJson));
        return out;
    }

    private static FileContent text(String text) {
        return FileContent.of(text.getBytes(StandardCharsets.UTF_8));
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
