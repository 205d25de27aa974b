package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.demo.DialRuns;
import io.foothold.cli.size.Inference;
import io.foothold.cli.size.RunShape;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.Precision;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Models of families that the embedded transformer does not know: what a run of one is set up with, and what it is refused for. */
class ForeignModelTest {
    private static final Path DIAL = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path directory;

    private Path model;
    private Path home;

    /** Options on their own. */
    @CommandLine.Command
    private static final class Servers {
        @CommandLine.Mixin
        private final Inference inference = new Inference();
    }

    /** The dial's files under another family's name: nothing is looked at but config, headers and vocabulary. */
    @BeforeEach
    void foreignModel() throws IOException {
        home = directory.resolve("home");
        model = Files.createDirectories(directory.resolve("model"));
        try (Stream<Path> files = Files.list(DIAL)) {
            for (Path file : files.toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        named("gpt_neox", "GPTNeoXForCausalLM");
    }

    private void named(String type, String architecture) throws IOException {
        ObjectNode config = json("config.json");
        config.put("model_type", type).putArray("architectures").add(architecture);
        write("config.json", config);
    }

    private ObjectNode json(String name) throws IOException {
        return (ObjectNode) JSON.readTree(Files.readString(model.resolve(name)));
    }

    private void write(String name, JsonNode json) throws IOException {
        Files.writeString(model.resolve(name), json.toString());
    }

    private String yaml() {
        return DialRuns.yaml("grpo-dial", 3, model, "medium", 8, "medium", 4, 2, 2, 2);
    }

    /** What a command says of the model, on the way out. */
    private String refusal(Object command, String... more) throws IOException {
        Path file = Files.writeString(directory.resolve("run.yaml"), yaml());
        List<String> arguments = new ArrayList<>(List.of(file.toString(), "--home", home.toString()));
        arguments.addAll(Arrays.asList(more));
        List<Exception> failures = new ArrayList<>();
        int code = new CommandLine(command)
                .setExecutionExceptionHandler((failure, line, result) -> {
                    failures.add(failure);
                    return 1;
                })
                .execute(arguments.toArray(String[]::new));
        assertThat(code).isEqualTo(1);
        assertThat(home).as("nothing was begun").doesNotExist();
        return String.valueOf(failures.getFirst().getMessage());
    }

    private static String[] elsewhere(String... more) {
        return Stream.concat(Stream.of("--inference", "127.0.0.1:1"), Stream.of(more))
                .toArray(String[]::new);
    }

    @Test
    void itNeedsAServerThatSamplesItAndItsUserIsToldWhichAndHow() throws IOException {
        for (String backend : List.of("auto", "torch")) {
            assertThat(refusal(new TrainCommand(), "--set", "learner.backend=" + backend))
                    .contains(
                            "policy.base: " + model,
                            "GPTNeoXForCausalLM",
                            "--inference",
                            "vllm",
                            "transformers",
                            "./foothold triton start --engine transformers --policy " + model);
        }
        assertThat(refusal(new EvalCommand()))
                .contains("GPTNeoXForCausalLM", "./foothold triton start --engine transformers");
    }

    @Test
    void djlDoesNotTrainIt() throws IOException {
        assertThat(refusal(new TrainCommand(), elsewhere("--set", "learner.backend=djl")))
                .contains("GPTNeoXForCausalLM", "learner.backend djl does not compute (expected auto or torch)");
    }

    @Test
    void whatItsFilesLackIsToldBeforeAnythingIsStarted() throws IOException {
        ObjectNode config = json("config.json");
        int positions = config.path("max_position_embeddings").asInt();
        assertThat(refusal(new TrainCommand(), elsewhere("--set", "sampling.max_tokens=" + positions)))
                .contains("sampling.max_tokens is " + positions, "takes " + positions + " tokens");
        ObjectNode tokenizer = json("tokenizer.json");
        ((ObjectNode) tokenizer.path("model")).put("type", "WordPiece");
        write("tokenizer.json", tokenizer);
        assertThat(refusal(new TrainCommand(), elsewhere())).contains("tokenizer.json", "WordPiece");
        Files.delete(model.resolve("tokenizer.json"));
        assertThat(refusal(new TrainCommand(), elsewhere()))
                .contains(model.resolve("tokenizer.json") + " is missing", "save_pretrained");
        Files.delete(model.resolve("model.safetensors"));
        assertThat(refusal(new TrainCommand(), elsewhere())).contains("model.safetensors is missing");
        config.remove("vocab_size");
        write("config.json", config);
        assertThat(refusal(new TrainCommand(), elsewhere())).contains("config.json: vocab_size is missing");
    }

    @Test
    void itsSizesComeFromItsFiles() {
        CausalModel foreign = CausalModel.open(model);
        long parameters = CausalModel.open(DIAL).size().parameters();
        assertThat(foreign.size().parameters()).isEqualTo(parameters);
        Servers servers = new Servers();
        new CommandLine(servers).parseArgs("--inference", "127.0.0.1:1");
        RunShape shape = RunShape.of(
                RunFile.resolve("run.yaml", yaml(), List.of()),
                foreign,
                true,
                servers.inference,
                null,
                0,
                0,
                0,
                () -> Long.MAX_VALUE);
        assertThat(shape.model().torchOnly()).isTrue();
        assertThat(shape.precision()).isEqualTo(Precision.FAST);
        assertThat(shape.difference()).isEqualTo(1e-2);
        assertThat(shape.engine()).isEmpty();
        assertThat(shape.microBatchTokens()).isEqualTo(foreign.size().microBatchTokens());
        assertThat(shape.told())
                .contains(
                        "%,d parameters".formatted(parameters),
                        "sequences of up to " + foreign.size().maxPositions() + " tokens");
        assertThat(shape.need(Optional.empty(), false).least()).isEqualTo(4 * 4 * parameters);
    }

    /** What train prints before it refuses the model. */
    private String printed(String... more) throws IOException {
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            var unused = refusal(new TrainCommand(), more);
        } finally {
            System.setOut(before);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void theFirstLineSaysThatTorchLearnsAndWhy() throws IOException {
        Files.delete(model.resolve("tokenizer.json"));
        assertThat(printed(elsewhere()).lines().findFirst().orElse(""))
                .contains("GPTNeoXForCausalLM is known to torch only; ", " parameters: ");
    }

    @Test
    void aKnownFamilyWhoseMathsDjlRefusesIsTorchsWhenItIsAskedFor() throws IOException {
        named("qwen3", "Qwen3ForCausalLM");
        ObjectNode config = json("config.json");
        config.putObject("rope_scaling").put("rope_type", "yarn").put("factor", 4.0);
        write("config.json", config);
        assertThat(refusal(new TrainCommand(), elsewhere())).contains("rope_scaling", "yarn");
        Files.delete(model.resolve("tokenizer.json"));
        assertThat(refusal(new TrainCommand(), elsewhere("--set", "learner.backend=torch")))
                .as("as far as its tokenizer")
                .contains("tokenizer.json is missing");
    }
}
