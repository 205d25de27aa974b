package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion.VersionFlag;
import com.networknt.schema.ValidationMessage;
import io.foothold.cli.reference.References;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.orchestrator.runfile.Schema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.schema.CoreSchema;
import picocli.CommandLine;

/** The reference pages are what the program would write, and editors learn from the schema what the program accepts. */
class ReferenceTest {
    private static final Path DOCS = Documents.ROOT.resolve("docs");
    private static final Path EXAMPLES = Documents.ROOT.resolve("services/foothold/examples");
    private static final String EDITORS_LINE = "# yaml-language-server: $schema=";

    @Test
    void theCommittedPagesAreWhatTheCommandWrites(@TempDir Path directory) throws IOException {
        assertThat(new CommandLine(new Main()).execute("reference", "--write", directory.toString()))
                .isZero();
        List<String> old = new ArrayList<>();
        for (String page : pages().keySet()) {
            Path committed = DOCS.resolve(page);
            if (!Files.exists(committed)
                    || !Files.readString(committed).equals(Files.readString(directory.resolve(page)))) {
                old.add("docs/" + page);
            }
        }
        assertThat(old)
                .as("pages that are not what `%s` writes; run it", References.COMMAND)
                .isEmpty();
    }

    @Test
    void noKeyCommandOrErrorIsLeftOut() {
        Map<String, String> pages = pages();
        for (String key : Schema.keys().keySet()) {
            assertThat(pages.get("run-file.md"))
                    .contains("| `" + key.replace("*", "NAME").replace("#", "N") + "` |");
        }
        for (String command : new CommandLine(new Main()).getSubcommands().keySet()) {
            assertThat(pages.get("cli.md")).contains("\n## " + command + "\n");
        }
        for (ErrorCode code : ErrorCode.values()) {
            assertThat(pages.get("errors.md")).contains("\n| " + code + " |");
        }
    }

    @Test
    void pagesDoNotDependOnTheMachine() {
        assertThat(pages().get("cli.md"))
                .doesNotContain(System.getProperty("user.home"))
                .doesNotContain(Documents.ROOT.toString());
    }

    @Test
    void theSchemaAcceptsEveryExampleAndTheSettingsOfEveryPreset() throws IOException {
        List<Path> files;
        try (Stream<Path> found = Files.walk(EXAMPLES)) {
            files = found.filter(f -> f.toString().endsWith(".yaml")).toList();
        }
        assertThat(files).hasSizeGreaterThan(4);
        for (Path file : files) {
            String text = Files.readString(file);
            assertThat(complaints(text)).as(file.toString()).isEmpty();
            assertThat(complaints(
                            RunFile.resolve(file.toString(), text, List.of()).print()))
                    .as("the settings of " + file)
                    .isEmpty();
        }
        for (String preset : RunFile.presets()) {
            Path file = Documents.ROOT.resolve("services/orchestrator/src/main/resources/presets/" + preset + ".yaml");
            assertThat(complaints("method: " + preset + "\n" + Files.readString(file)))
                    .as(preset)
                    .isEmpty();
        }
    }

    @Test
    void theSchemaTakesPathsWithTheirDotsAndValuesThatAreTextOnlyToUs() throws IOException {
        assertThat(complaints("""
                method: grpo
                optimizer: {lora.rank: 8, learning_rate: 2e-4, micro_batch_tokens: auto}
                optimizer.lora: {alpha: 16}
                problems.train.jsonl: 12
                problems: {evaluate: {a: {count: 3}}, evaluate.b: {seed: -1}, evaluate.c.level: hard}
                prompts: {turns: [{user: 1, assistant: true}], turns.2.user: x, turns: [{user: y}]}
                prompts.turns.3: {user: a}
                prompts.system:
                max_log_prob_difference: 1
                evaluation.temperature: 0.5
                """.replace(", turns: [{user: y}]", ""))).isEmpty();
    }

    @Test
    void theSchemaRefusesWhatTheProgramRefuses() throws IOException {
        for (String wrong : List.of(
                "method: gropo",
                "updates: 3",
                "method: grpo\nupdtes: 3",
                "method: grpo\nsampling: {groups: 3}",
                "method: grpo\nsampling.groups: 3",
                "method: grpo\nupdates: -1",
                "method: grpo\nupdates: 1.5",
                "method: grpo\nupdates: many",
                "method: grpo\nloss: {ratio: both}",
                "method: grpo\nprompts: {chat: maybe}",
                "method: grpo\nprompts: {turns: [{says: x}]}",
                "method: grpo\nprompts: {turns: []}",
                "method: grpo\nproblems: {evaluate: {a: {file: x}}}",
                "method: grpo\noptimizer: {learning_rate: 0}",
                "method: grpo\noptimizer: {micro_batch_tokens: car}",
                "method: grpo\nsampling: 3")) {
            assertThat(complaints(wrong)).as(wrong).isNotEmpty();
        }
    }

    @Test
    void examplesTellEditorsWhereTheSchemaLies() throws IOException {
        try (Stream<Path> found = Files.walk(EXAMPLES)) {
            for (Path file : found.filter(f -> f.toString().endsWith(".yaml")).toList()) {
                String first = Files.readAllLines(file).getFirst();
                assertThat(first).as(file.toString()).startsWith(EDITORS_LINE);
                assertThat(file.resolveSibling(first.substring(EDITORS_LINE.length()))
                                .normalize())
                        .isEqualTo(DOCS.resolve("run-file.schema.json").normalize());
            }
        }
    }

    private static Map<String, String> pages() {
        return References.pages(new CommandLine(new Main()));
    }

    private static List<String> complaints(String yaml) throws JsonProcessingException {
        ObjectMapper mapper = new ObjectMapper();
        JsonSchema schema =
                JsonSchemaFactory.getInstance(VersionFlag.V202012).getSchema(pages().get("run-file.schema.json"));
        Object data =
                new Load(LoadSettings.builder().setSchema(new CoreSchema()).build()).loadFromString(yaml);
        return schema.validate(mapper.valueToTree(data)).stream()
                .map(ValidationMessage::getMessage)
                .toList();
    }
}
