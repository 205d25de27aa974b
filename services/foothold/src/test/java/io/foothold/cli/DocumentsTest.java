package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.random.Seeds;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.orchestrator.runfile.Schema;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.ParameterException;

/** What the documents print must be what the product computes, and what they show must work. */
class DocumentsTest {
    private static final String BEGIN = "<!-- ./foothold verify-estimator -->\n";
    private static final String END = "<!-- end -->";

    /** An item of a list that only its writer has, behind a paper's number. */
    private static final Pattern NOTE = Pattern.compile("arXiv \\d{4}\\.\\d{5}[;,] ?[A-Z]\\d");

    /** What a piece of a run file leaves out. */
    private static final List<String> THE_REST =
            List.of("policy.base=models/m", "problems.train.jsonl=a", "problems.evaluate.held-out.jsonl=b");

    /** What the launcher does by itself. */
    private static final Set<String> OF_THE_LAUNCHER = CompletionCommand.OF_THE_LAUNCHER.keySet();

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
    void everyRunFileShownResolvesAndSoDoesEveryPieceOfOne() throws IOException {
        int whole = 0;
        int pieces = 0;
        for (Path page : Documents.pages()) {
            if (Set.of("adding-an-estimator.md", "adding-a-method.md", "adding-a-loss.md")
                    .contains(page.getFileName().toString())) {
                continue; // their run files are for a program that has what they add: AddingThingsTest
            }
            String text = Files.readString(page);
            List<String> blocks = new ArrayList<>(Documents.blocks(text));
            blocks.addAll(Documents.fenced(text, "yaml"));
            for (String block : blocks) {
                String where = Documents.ROOT.relativize(page).toString();
                if (block.startsWith("method: ")) {
                    whole++;
                    RunFile.resolve(where, block, List.of());
                } else if (isOfARunFile(block)) {
                    pieces++;
                    RunFile.resolve(where, "method: grpo\n" + block, THE_REST);
                }
            }
        }
        assertThat(whole).as("run files found").isGreaterThan(1);
        assertThat(pieces).as("pieces of run files found").isPositive();
    }

    /** Whether a block begins with a key of a run file or the name of a group of them. */
    private static boolean isOfARunFile(String block) {
        Matcher key = Pattern.compile("([a-z_]+)(\\.[a-z_]+)*:( .*)?")
                .matcher(block.lines().findFirst().orElse(""));
        return key.matches()
                && Schema.keys().keySet().stream()
                        .anyMatch(known -> known.equals(key.group(1)) || known.startsWith(key.group(1) + "."));
    }

    @Test
    void piecesOfRunFilesAreTold() {
        assertThat(isOfARunFile("loss: {ratio: none}\n")).isTrue();
        assertThat(isOfARunFile("loss.ratio: none\n")).isTrue();
        assertThat(isOfARunFile("spec: {}\n")).isFalse();
        assertThat(isOfARunFile("loss is what is minimised\n")).isFalse();
        assertThat(Documents.fenced("```yaml\na\nb\n```\nx\n```java\nc\n```\n", "yaml"))
                .containsExactly("a\nb\n");
    }

    /** A reader has this repository and published papers, and no notes of anybody's. */
    @Test
    void whatIsCitedCanBeFound() throws IOException {
        Set<String> pages = Documents.pages().stream()
                .map(page -> page.getFileName().toString())
                .collect(Collectors.toSet());
        List<String> lost = new ArrayList<>();
        int cited = 0;
        for (Path source : Documents.sources()) {
            int number = 0;
            for (String line : Files.readAllLines(source)) {
                number++;
                for (String page : namedPages(line)) {
                    cited++;
                    if (!pages.contains(page)) {
                        lost.add(Documents.ROOT.relativize(source) + ":" + number + ": " + page);
                    }
                }
                if (NOTE.matcher(line).find()) {
                    lost.add(Documents.ROOT.relativize(source) + ":" + number + ": " + line.strip());
                }
            }
        }
        assertThat(lost).as("citations that lead nowhere").isEmpty();
        assertThat(cited).isGreaterThan(10);
    }

    private static List<String> namedPages(String line) {
        return Pattern.compile("([A-Za-z0-9_-]+\\.md)\\b")
                .matcher(line)
                .results()
                .map(page -> page.group(1))
                .toList();
    }

    @Test
    void citationsOfNotesAreFound() {
        assertThat(namedPages("see docs/methods.md, papers.md")).containsExactly("methods.md", "papers.md");
        assertThat(NOTE.matcher("(arXiv 2605.25507; B2)").find()).isTrue();
        assertThat(NOTE.matcher("(arXiv 2601.18779, A1 to A5)").find()).isTrue();
        assertThat(NOTE.matcher("(arXiv 2402.03300, section 4.1.2)").find()).isFalse();
    }

    @Test
    void theVerifierThatIsShownIsTheOneThatCiRuns() throws IOException {
        assertThat(Documents.fenced(Files.readString(Documents.ROOT.resolve("docs/adding-a-verifier.md")), "python"))
                .containsExactly(Files.readString(
                        Documents.ROOT.resolve("services/foothold/examples/own-verifier/verifier.py")));
        assertThat(Files.readString(Documents.ROOT.resolve(".ci/run"))).contains("examples/own-verifier/check.sh");
    }

    @Test
    void theReadmeStaysShort() throws IOException {
        assertThat(Files.readAllLines(Documents.ROOT.resolve("README.md"))).hasSizeLessThanOrEqualTo(170);
    }
}
