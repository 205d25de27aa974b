package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.demo.DialRuns;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Models that a run cannot be begun with: each is refused on the command line, before a process of the run is started. */
class BadModelTest {
    private static final Path DIAL = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    private Path model;
    private Path home;

    @BeforeEach
    void soundModel() throws IOException {
        home = directory.resolve("home");
        model = Files.createDirectories(directory.resolve("model"));
        try (Stream<Path> files = Files.list(DIAL)) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
    }

    private ObjectNode json(String name) throws IOException {
        return (ObjectNode) JSON.readTree(Files.readString(model.resolve(name)));
    }

    private void write(String name, JsonNode json) throws IOException {
        Files.writeString(model.resolve(name), json.toString());
    }

    /** What train says of the model. */
    private String refusal(String... settings) throws IOException {
        Path file = Files.writeString(
                directory.resolve("run.yaml"), DialRuns.yaml("grpo-dial", 3, model, "medium", 8, "medium", 4, 2, 2, 2));
        List<String> arguments = new ArrayList<>(List.of(file.toString(), "--home", home.toString()));
        for (String setting : settings) {
            arguments.add("--set");
            arguments.add(setting);
        }
        List<Exception> failures = new ArrayList<>();
        int code = new CommandLine(new TrainCommand())
                .setExecutionExceptionHandler((failure, command, result) -> {
                    failures.add(failure);
                    return 1;
                })
                .execute(arguments.toArray(String[]::new));
        assertThat(code).isEqualTo(1);
        assertThat(home).as("nothing was begun").doesNotExist();
        return String.valueOf(failures.getFirst().getMessage());
    }

    @Test
    void oneThatIsTooLargeForAnyMachine() throws IOException {
        ObjectNode config = json("config.json");
        config.put("hidden_size", 65_536).put("intermediate_size", 262_144).put("num_hidden_layers", 400);
        config.put("num_attention_heads", 512).put("num_key_value_heads", 512).put("head_dim", 128);
        write("config.json", config);
        assertThat(refusal())
                .contains(
                        "policy.base: " + model,
                        "does not fit this machine's memory",
                        "are available",
                        "no setting helps");
    }

    @Test
    void oneThatWasCutShort() throws IOException {
        Path weights = model.resolve("model.safetensors");
        try (FileChannel channel = FileChannel.open(weights, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(weights) / 2);
        }
        assertThat(refusal()).contains(weights.toString());
        Files.writeString(weights, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n");
        assertThat(refusal()).contains(weights.toString(), "truncated or not a safetensors file");
        Files.delete(weights);
        assertThat(refusal()).contains(weights + " is missing");
    }

    @Test
    void shardsThatAreNotThere() throws IOException {
        Files.move(model.resolve("model.safetensors"), model.resolve("model-00001-of-00002.safetensors"));
        ObjectNode index = JSON.createObjectNode();
        index.putObject("weight_map")
                .put("model.norm.weight", "model-00001-of-00002.safetensors")
                .put("model.embed_tokens.weight", "model-00002-of-00002.safetensors");
        write("model.safetensors.index.json", index);
        assertThat(refusal()).contains("2 shards, of which 1 is missing: model-00002-of-00002.safetensors");
    }

    @Test
    void oneWithoutAChatTemplateUnderChat() throws IOException {
        ObjectNode settings = JSON.createObjectNode().put("tokenizer_class", "PreTrainedTokenizerFast");
        write("tokenizer_config.json", settings);
        Files.deleteIfExists(model.resolve("chat_template.jinja"));
        assertThat(refusal("prompts.chat=true")).contains("prompts.chat: policy " + model);
    }

    @Test
    void tokenizersWhoseTextIsNotThatOfTheirTokens() throws IOException {
        ObjectNode tokenizer = json("tokenizer.json");
        ((ObjectNode) tokenizer.path("model")).put("type", "WordPiece");
        write("tokenizer.json", tokenizer);
        assertThat(refusal())
                .contains("tokenizer.json", "WordPiece is not supported (expected BPE, WordLevel or Unigram)");
    }

    @Test
    void oneWithATokenizerOfAnotherModel() throws IOException {
        ObjectNode config = json("config.json");
        config.put("vocab_size", 8);
        write("config.json", config);
        assertThat(refusal()).contains("tokenizer.json", "does not fit the model's vocabulary of 8");
    }

    @Test
    void adaptersWithoutTheirBase() throws IOException {
        Path adapters = Files.createDirectories(directory.resolve("adapters"));
        Files.writeString(
                adapters.resolve("adapter_config.json"),
                "{\"peft_type\": \"LORA\", \"r\": 2, \"lora_alpha\": 2, \"target_modules\": [\"q_proj\"], "
                        + "\"base_model_name_or_path\": \"nowhere/model\"}");
        model = adapters;
        assertThat(refusal()).contains("adapter_config.json", "'nowhere/model' is no directory");
    }
}
