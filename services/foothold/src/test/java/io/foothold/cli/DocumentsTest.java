package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.random.Seeds;
import io.foothold.orchestrator.runfile.RunFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.ParameterException;

/** What the documents print must be what the product computes, and what they show must work. */
class DocumentsTest {
    private static final String BEGIN = "<!-- ./foothold verify-estimator -->\n";
    private static final String END = "<!-- end -->";

    /** What the launcher does by itself. */
    private static final Set<String> OF_THE_LAUNCHER = Set.of("build", "test", "jdk", "native");

    @Test
    void theEstimatorTableIsTheOneThatTheCommandPrints() throws IOException {
        String methods = Files.readString(Documents.ROOT.resolve("docs/methods.md"));
        int from = methods.indexOf(BEGIN);
        assertThat(from).as("marker in docs/methods.md").isPositive();
        String written = methods.substring(from + BEGIN.length(), methods.indexOf(END, from));
        assertThat(written)
                .isEqualTo(VerifyEstimatorCommand.table(
                        VerifyEstimatorCommand.TRIALS, Seeds.of(VerifyEstimatorCommand.SEED)));
    }

    @Test
    void everyLinkLeadsSomewhere() throws IOException {
        List<String> dead = new ArrayList<>();
        for (Path page : Documents.pages()) {
            dead.addAll(Documents.deadLinks(page, Files.readString(page)));
        }
        assertThat(dead).as("dead links").isEmpty();
    }

    @Test
    void deadLinksAreFound() {
        String text = """
                # One thing
                [a](docs/methods.md) [b](docs/nowhere.md) [c](#one-thing) [d](#another-thing)
                [e](docs/methods.md#equations) [f](docs/methods.md#nowhere) [g](https://example.org/x) `[h](x)`

                    [i](not/a/link)
                ```
                [j](not/a/link/either)
                ```
                """;
        assertThat(Documents.deadLinks(Documents.ROOT.resolve("README.md"), text))
                .containsExactly(
                        "README.md:2: docs/nowhere.md",
                        "README.md:2: #another-thing",
                        "README.md:3: docs/methods.md#nowhere");
        assertThat(Documents.anchors("# It's A: b, c_d\n## x\n## x\n")).containsExactly("its-a-b-c_d", "x", "x-1");
    }

    @Test
    void everyCommandLineIsUnderstood() throws IOException {
        int seen = 0;
        List<String> wrong = new ArrayList<>();
        for (Path page : Documents.pages()) {
            String text = Files.readString(page);
            for (List<String> words : Documents.commands(text)) {
                seen++;
                refusal(words).ifPresent(why -> wrong.add(told(page, words, why)));
            }
            for (List<String> words : Documents.mentioned(text)) {
                refusal(words)
                        .filter(why -> !(why instanceof MissingParameterException))
                        .ifPresent(why -> wrong.add(told(page, words, why)));
            }
        }
        assertThat(wrong).as("command lines that are refused").isEmpty();
        assertThat(seen).as("command lines found").isGreaterThan(25);
    }

    private static Optional<ParameterException> refusal(List<String> words) {
        if (OF_THE_LAUNCHER.contains(words.getFirst())) {
            return Optional.empty();
        }
        try {
            new CommandLine(new Main()).parseArgs(words.toArray(String[]::new));
            return Optional.empty();
        } catch (ParameterException e) {
            return Optional.of(e);
        }
    }

    private static String told(Path page, List<String> words, ParameterException why) {
        return "%s: ./foothold %s: %s"
                .formatted(Documents.ROOT.relativize(page), String.join(" ", words), why.getMessage());
    }

    @Test
    void wrongCommandLinesAreFound() {
        String text = "    ./foothold eval 'b c' \\\n      --nonsense  # f\n\nsee `./foothold tarin\nx`, not `i`\n";
        assertThat(Documents.commands(text)).containsExactly(List.of("eval", "b c", "--nonsense"));
        assertThat(Documents.mentioned(text)).containsExactly(List.of("tarin", "x"));
        assertThat(refusal(List.of("eval", "b c", "--nonsense"))).isPresent();
        assertThat(refusal(List.of("tarin", "x"))).isPresent();
        assertThat(refusal(List.of("score")).orElseThrow()).isInstanceOf(MissingParameterException.class);
    }

    @Test
    void everyRunFileShownResolves() throws IOException {
        int seen = 0;
        for (Path page : Documents.pages()) {
            for (String block : Documents.blocks(Files.readString(page))) {
                if (block.startsWith("method: ")) {
                    seen++;
                    RunFile.resolve(Documents.ROOT.relativize(page).toString(), block, List.of());
                }
            }
        }
        assertThat(seen).as("run files found").isPositive();
    }

    @Test
    void theReadmeStaysShort() throws IOException {
        assertThat(Files.readAllLines(Documents.ROOT.resolve("README.md"))).hasSizeLessThanOrEqualTo(170);
    }
}
