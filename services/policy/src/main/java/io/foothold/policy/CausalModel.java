package io.foothold.policy;

import io.foothold.policy.chat.ChatTemplate;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The directory of a causal language model of any family, or one with PEFT's adapters for it. What the embedded transformer opens is a
 * {@link PolicyDirectory}.
 *
 * @param path the directory
 * @param base the directory of the model itself: another one when {@code path} holds adapters
 * @param size how large it is
 */
public record CausalModel(Path path, Path base, ModelSize size) {
    /**
     * Opens a directory; one of a family that the embedded transformer knows is opened as it does, adapters included.
     *
     * @throws PolicyException as {@link PolicyDirectory#open} and {@link ModelSize#read}
     */
    public static CausalModel open(Path path) {
        Path base = baseOf(path);
        if (ModelConfig.foreignArchitecture(base).isPresent()) {
            return new CausalModel(path, base, ModelSize.read(base));
        }
        return of(PolicyDirectory.open(path));
    }

    /** Opens a directory whose model the torch worker computes; see {@link ModelSize#readForTorch}. */
    public static CausalModel openForTorch(Path path) {
        Path base = baseOf(path);
        return new CausalModel(path, base, ModelSize.readForTorch(base));
    }

    /** A directory that is open already. */
    public static CausalModel of(PolicyDirectory policy) {
        return new CausalModel(policy.path(), policy.base(), ModelSize.of(policy.config()));
    }

    /**
     * The directory of the model itself: another one where a directory holds adapters.
     *
     * @throws PolicyException when one of them is not there
     */
    public static Path baseOf(Path path) {
        if (!Files.isDirectory(path)) {
            throw new PolicyException(
                    "policy directory " + path + " does not exist (expected a Hugging Face directory)");
        }
        return PolicyDirectory.adaptedBase(path).isPresent() ? LoraAdapter.basePath(path) : path;
    }

    /**
     * Checks by their headers that the files of the weights are there and whole, which takes no time however large they are.
     *
     * @throws PolicyException naming the file that is missing, cut short or not of its index
     */
    public void checkWeightFiles() {
        if (size.torchOnly()) {
            // Their types are transformers' matter, and their headers were read to open the model.
            return;
        }
        try (Arena arena = Arena.ofConfined()) {
            var unused = Safetensors.readDirectory(base, arena);
        }
    }

    /** Reads the tokenizer. */
    public Tokenizer tokenizer() {
        return Tokenizer.read(base, size.vocabulary());
    }

    /** The chat template, if the directory has one. */
    public Optional<ChatTemplate> chatTemplate() {
        return ChatTemplate.read(base);
    }
}
