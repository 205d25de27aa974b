package io.foothold.cli.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.cli.process.RunInputs;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.orchestrator.runfile.RunFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Run files that name models and data sets of a hub. */
class HubProblemsTest {
    private static final String YAML = """
            method: grpo
            updates: 1
            policy: {base: org/tiny}
            problems:
              train: {hub: org/sums, recipe: math-500, split: train}
              evaluate:
                test: {hub: org/sums, recipe: math-500, split: test, count: 2, seed: 5}
            """;

    @TempDir
    Path directory;

    private LocalHub server;
    private final Map<String, String> environment = new HashMap<>();

    @BeforeEach
    void serve() throws IOException {
        server = new LocalHub();
        server.add("org/tiny", HubTest.model());
        server.add(
                "org/sums",
                Map.of("train.jsonl", rows("a", 3), "test.jsonl", rows("b", 4), "README.md", text("# Sums")));
        environment.put("HF_ENDPOINT", server.address());
        environment.put("HF_HOME", directory.resolve("hf").toString());
        environment.put("FOOTHOLD_CACHE", directory.resolve("foothold").toString());
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] rows(String name, int count) {
        StringBuilder out = new StringBuilder();
        for (int i = 1; i <= count; i++) {
            out.append("{\"problem\":\"")
                    .append(name)
                    .append(": 1+")
                    .append(i)
                    .append("\",\"solution\":\"\\\\boxed{")
                    .append(1 + i)
                    .append("}\",\"answer\":\"")
                    .append(1 + i)
                    .append("\",\"subject\":\"s\",\"level\":1,\"unique_id\":\"")
                    .append(name)
                    .append(i)
                    .append("\"}\n");
        }
        return text(out.toString());
    }

    private RunFile read(String yaml, String... settings) {
        return RunInputs.read("run.yaml", yaml, List.of(settings), environment).plan();
    }

    @Test
    void namesBecomePathsAtTheCommitThatIsRecorded() throws IOException {
        RunFile plan = read(YAML);
        Path base = Path.of(plan.settings().policy().base());
        assertThat(base).isDirectory().endsWith(Path.of("models--org--tiny/snapshots", LocalHub.COMMIT));
        assertThat(plan.settings().policy().hub()).isEqualTo("org/tiny@" + LocalHub.COMMIT);
        ProblemSettings.Source train = plan.settings().problems().train();
        assertThat(train.hub()).isEqualTo("org/sums@" + LocalHub.COMMIT);
        assertThat(Files.readAllLines(Path.of(train.jsonl()))).hasSize(3).allSatisfy(line -> assertThat(line)
                .contains("\"split\":\"train\""));
        ProblemSettings.Source test = plan.settings().problems().at("problems.evaluate.test");
        assertThat(Files.readAllLines(Path.of(test.jsonl()))).hasSize(2).allSatisfy(line -> assertThat(line)
                .contains("\"split\":\"test\""));
    }

    /** What a dry run prints is a run file of the same run; and the hub is not needed for what is here. */
    @Test
    void whatIsResolvedStaysWhatItIs() {
        RunFile plan = read(YAML);
        server.commit = "f".repeat(40);
        assertThat(read(plan.print())).isEqualTo(plan);
        assertThat(read(YAML)).as("the commit that the cache knows").isEqualTo(plan);
        server.close();
        assertThat(read(YAML)).isEqualTo(plan);
        environment.put("HF_HUB_OFFLINE", "1");
        environment.put("FOOTHOLD_CACHE", directory.resolve("other").toString());
        assertThat(read(YAML).settings().problems().train().hub()).isEqualTo("org/sums@" + LocalHub.COMMIT);
    }

    @Test
    void theCardOfADataSetSaysWhichFilesASplitHas() {
        Map<String, byte[]> files = new TreeMap<>();
        files.put(
                "README.md",
                text(
                        "---\nlicense: mit\nconfigs:\n- config_name: easy\n  data_files:\n  - split: train\n    path: \"data/easy-*\"\n"
                                + "- config_name: hard\n  data_files:\n  - split: train\n    path: [data/hard.jsonl]\n---\n# Sums\n"));
        files.put("data/easy-00000-of-00002.jsonl", rows("x", 2));
        files.put("data/easy-00001-of-00002.jsonl", rows("y", 2));
        files.put("data/hard.jsonl", rows("z", 1));
        server.add("org/sums", files);
        String yaml = YAML.replace("split: test, count: 2", "split: train, config: hard")
                .replace("split: train}", "split: train, config: easy}");
        RunFile plan = read(yaml);
        assertThat(Path.of(plan.settings().problems().train().jsonl()))
                .content()
                .hasLineCount(4)
                .contains("x: 1+1", "y: 1+2");
        assertThat(Path.of(
                        plan.settings().problems().at("problems.evaluate.test").jsonl()))
                .content()
                .hasLineCount(1);
        assertThatThrownBy(() -> read(yaml, "problems.train.config=eazy"))
                .hasMessageContaining("run.yaml:5: 'problems.train.hub': data set org/sums@")
                .hasMessageContaining("no config 'eazy'; it has configs (did you mean 'easy'?)");
        assertThatThrownBy(() -> read(yaml, "problems.train.split=test"))
                .hasMessageContaining("no split 'test' in config 'easy'");
    }

    @Test
    void whatIsWrongWithANameIsToldWithItsLine() {
        assertThatThrownBy(() -> read(YAML.replace("org/tiny", "org/none")))
                .hasMessageContaining(
                        "run.yaml:3: 'policy.base': there is no directory org/none, and there is no model org/none@main (status 404");
        assertThatThrownBy(() -> read(YAML.replace("train: {hub: org/sums", "train: {hub: org/none")))
                .hasMessageContaining("run.yaml:5: 'problems.train.hub': there is no data set org/none@main");
        assertThatThrownBy(() -> read(YAML, "problems.train.recipe=math-50"))
                .hasMessageContaining("problems.train.recipe")
                .hasMessageContaining("math-500");
        assertThatThrownBy(() -> read(YAML, "problems.train.hub=sums"))
                .hasMessageContaining("'problems.train.hub': 'sums' is no ORGANISATION/NAME");
        assertThatThrownBy(() -> read(YAML, "problems.train.recipe="))
                .hasMessageContaining("'problems.train.hub' needs 'problems.train.recipe'");
        assertThatThrownBy(() -> read(YAML, "problems.train.hub="))
                .hasMessageContaining("needs either 'family' or 'jsonl', or 'hub'");
        server.gated = "org/sums";
        assertThatThrownBy(() -> read(YAML))
                .hasMessageContaining(
                        "run.yaml:5: 'problems.train.hub': data set org/sums is gated: HF_TOKEN is not set");
        assertThatThrownBy(() ->
                        read(YAML, "problems.train.split=validation", "problems.train.hub=org/sums@" + LocalHub.COMMIT))
                .hasMessageContaining("is gated");
    }
}
