package io.foothold.cli.regress;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.core.bandit.EstimatorTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Pattern;
import javax.xml.parsers.DocumentBuilderFactory;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.w3c.dom.Element;

/** Gates over numbers, suites with their mistakes, and what is written of them. */
class RegressTest {
    private static final Path ROOT = Path.of(System.getProperty("foothold.root"));
    private static final Path SUITES = ROOT.resolve("services/foothold/regress");

    private static final Pattern COMMAND = Pattern.compile("\\./foothold regress (\\S+)");

    @TempDir
    Path directory;

    @BeforeEach
    void runFile() throws Exception {
        Files.copy(ROOT.resolve("services/foothold/examples/grpo-dial-medium.yaml"), directory.resolve("run.yaml"));
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final Numbers NUMBERS = new Numbers(
            List.of(json("{\"update\":1,\"entropy\":0.5}"), json("{\"update\":2,\"entropy\":0.25}")),
            List.of(
                    json("{\"set\":\"a\",\"update\":0,\"pass@1\":0.1,\"low\":0.05,\"high\":0.2,\"training_tokens\":0}"),
                    json(
                            "{\"set\":\"b\",\"update\":2,\"pass@1\":0.9,\"low\":0.8,\"high\":0.95,\"training_tokens\":700}"),
                    json("{\"set\":\"a\",\"update\":2,\"pass@1\":0.6,\"low\":0.5,\"high\":0.7,\"training_tokens\":700,"
                            + "\"pass@8\":0.7,\"pass@8_low\":0.55,\"pass@8_high\":0.8}")),
            Map.of("warnings", 2L),
            Map.of("grpo", Map.of("bias", .07)));

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "pass@1 of a at the end >= 0.6 | HELD",
                "pass@1 of a at the end >= 0.61 | BROKEN",
                "pass@1 of a at the end >= 0.6 surely | BROKEN",
                "pass@1 of a at the end >= 0.5 surely | HELD",
                "pass@8 of a at update 2 <= 0.79 surely | BROKEN",
                "pass@8 of a at update 2 <= 0.8 surely | HELD",
                "pass@1 of a at update 0 <= .1 | HELD",
                "entropy at update 1 = 0.5 +- 1e-9 | HELD",
                "entropy at the end = 0.5 +- 0.2 | BROKEN",
                "tokens to 0.5 of a <= 700 | HELD",
                "updates to 0.5 of a <= 1 | BROKEN",
                "tokens to 0.7 of a <= 9e9 | BROKEN",
                "warnings <= 1 | BROKEN",
                "dropped groups <= 0 | HELD",
                "bias of estimator grpo <= 0.07 | HELD",
                "bias of estimator grop <= 1 | BROKEN",
                "tokens to 0.5 of a <= 1.2 x baseline | HELD",
                "tokens to 0.5 of a <= 1.1 x baseline | BROKEN",
                "entropy at the end >= 1 x baseline | NO_BASELINE",
            })
    void aGateHoldsOrIsBroken(String text, Gate.Outcome expected) {
        Gate gate = Gate.parse("suite.yaml:1", text);
        OptionalDouble baseline = gate.named().startsWith("tokens") ? OptionalDouble.of(600) : OptionalDouble.empty();
        assertThat(gate.judge(NUMBERS, baseline).outcome()).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "pass@1 of hard-test at the end >= 0 | there is no evaluation of hard-test at the end (expected one of a, b)",
                "pass@1 of a at update 7 >= 0 | there is no evaluation of a at update 7",
                "pas@1 of a at the end >= 0 | has no 'pas@1' (did you mean 'pass@1'?)",
                "entrpy at the end >= 0 | there is no 'entrpy' at the end (did you mean 'entropy'?)",
                "tokens to 0.7 of a <= 1 | pass@1 of a never reached 0.7",
                "bias of estimator grop <= 1 | no estimator is called 'grop' (did you mean 'grpo'?)",
            })
    void whatIsNotThereBreaksAGateAndIsNamed(String text, String message) {
        assertThat(Gate.parse("suite.yaml:1", text)
                        .judge(NUMBERS, OptionalDouble.empty())
                        .told())
                .contains(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "pass@1 of a is good | is no gate (expected MEASURE",
                "everything >= 1 | 'everything' is no measure",
                "seconds to 0.5 of a <= 1 | 'seconds to …' (expected one of tokens, updates)",
                "speed of estimator grpo >= 1 | 'speed' of estimators",
                "entropy at the end >= 1 surely | 'surely' needs a pass@k",
                "entropy at the end = 1 | '=' needs a tolerance",
                "entropy at the end >= 1 +- 2 | '=' needs a tolerance, '+- NUMBER', and only '='",
            })
    void aTextThatIsNoGateIsRefusedWithItsPlace(String text, String message) {
        assertThatThrownBy(() -> Gate.parse("suite.yaml:9", text))
                .hasMessageContaining("suite.yaml:9: ")
                .hasMessageContaining(message);
    }

    private Path suite(String text) throws Exception {
        return Files.writeString(directory.resolve("suite.yaml"), text);
    }

    private AbstractThrowableAssert<?, ?> refused(String text) throws Exception {
        Path file = suite(text);
        return assertThatThrownBy(() -> Suite.read(file));
    }

    @Test
    void aSuiteIsReadWithItsRuns() throws Exception {
        Suite suite = Suite.read(suite("""
                name: s
                minutes: 2.5
                runs:
                  - {name: one, file: run.yaml, set: {updates: 3}, seeds: [4, 5], spare_seeds: [6], gates: [warnings <= 0]}
                """));
        assertThat(suite.minutes()).isEqualTo(2.5);
        assertThat(suite.entries().getFirst().work())
                .isEqualTo(new Suite.Training(
                        directory.resolve("run.yaml").toAbsolutePath(),
                        List.of("updates=3"),
                        List.of(4L, 5L),
                        List.of(6L)));
    }

    @Test
    void whatIsWrongWithASuiteIsSaidAtItsLine() throws Exception {
        String head = "name: s\nminutes: 2\nruns:\n";
        refused(head + "  - {name: a, fil: run.yaml, gates: [warnings <= 0]}\n")
                .hasMessageContaining("suite.yaml:4: unknown key 'fil' (did you mean 'file'?)");
        refused(head + "  - {name: a, gates: [warnings <= 0]}\n")
                .hasMessageContaining("needs either 'file' or 'estimators'");
        refused(head + "  - {name: a, estimators: 500, seeds: [1], gates: [warnings <= 0]}\n")
                .hasMessageContaining("has no settings or seeds");
        refused(head + "  - name: a\n    file: run.yaml\n    gates:\n      - warnings\n")
                .hasMessageContaining("suite.yaml:7: 'warnings' is no gate");
        refused(head + "  - {name: a, file: run.yaml, seeds: [1, -2], gates: [warnings <= 0]}\n")
                .hasMessageContaining("'seeds' holds whole numbers from 0, got '-2'");
        refused(head + "  - {name: a, file: run.yaml, seeds: [1], spare_seeds: [1], gates: [warnings <= 0]}\n")
                .hasMessageContaining("names a seed twice");
        refused(head + "  - {name: a, file: run.yaml, set: {updatse: 1}, gates: [warnings <= 0]}\n")
                .hasMessageContaining(
                        "suite.yaml:4: run 'a': --set updatse=1: unknown key 'updatse' (did you mean 'updates'?)");
        refused(head + "  - {name: a, file: absent.yaml, gates: [warnings <= 0]}\n")
                .hasMessageContaining("absent.yaml does not exist");
        refused(head + "  - {name: a, file: run.yaml, gates: []}\n")
                .hasMessageContaining("'gates' must be a list of at least one");
        refused("name: s\nminutes: never\nruns: [1]\n")
                .hasMessageContaining("suite.yaml:2: 'minutes' must be a number above 0");
        refused("name: s\nminutes: 1\n").hasMessageContaining("suite.yaml:1: 'runs' is missing");
        refused("name: [\n").hasMessageContaining("suite.yaml:");
        refused("").hasMessageContaining("is empty");
    }

    @Test
    void aBaselineIsTheMedianOfTheNewest() throws Exception {
        Path file = directory.resolve("history.jsonl");
        History history = History.of(file.toString());
        assertThat(history.baseline("s", "r", "m")).isEmpty();
        for (int i = 0; i < 30; i++) {
            history.add("s", "r", "2026-01-01T00:00:00Z", Map.of("m", (double) i));
        }
        history.add("s", "other", "2026-01-01T00:00:00Z", Map.of("m", 1e9));
        assertThat(History.of(file.toString()).baseline("s", "r", "m")).hasValue(24.5);
        Files.writeString(file, "{\"suite\":\"s\"}\n");
        assertThatThrownBy(() -> History.of(file.toString()))
                .hasMessageContaining("history.jsonl:1: expected an object");
    }

    @Test
    void whatIsWrittenIsReadByThoseWhoReadIt() throws Exception {
        Gate good = Gate.parse("x", "entropy at update 1 <= 1");
        Gate bad = Gate.parse("x", "pass@1 of a at the end >= 0.9");
        Gate fresh = Gate.parse("x", "warnings <= 1 x baseline");
        Suite.Entry entry = new Suite.Entry("run", new Suite.Estimators(100), List.of(good, bad, fresh));
        List<Gate.Finding> findings = entry.gates().stream()
                .map(g -> g.judge(NUMBERS, OptionalDouble.empty()))
                .toList();
        Attempt judged = new Attempt(entry, Optional.of(3L), "", findings, 1.5);
        Attempt failed =
                new Attempt(entry, Optional.of(4L), "train ended with 1: <\u0000 | broken & lost>", List.of(), 1);
        RegressReport report =
                new RegressReport(new Suite("s", 1, List.of(entry)), List.of(judged, failed), List.of(judged));
        report.write(directory);
        Element xml = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(directory.resolve("junit.xml").toFile())
                .getDocumentElement();
        assertThat(xml.getAttribute("tests")).isEqualTo("5");
        assertThat(xml.getAttribute("failures")).isEqualTo("2");
        assertThat(xml.getAttribute("skipped")).isEqualTo("1");
        assertThat(xml.getElementsByTagName("testcase").getLength()).isEqualTo(5);
        assertThat(Files.readString(directory.resolve("summary.markdown")))
                .startsWith("## s: BROKEN, 0 of 2 runs hold, 1 by a spare seed\n")
                .contains("| run, seed 3 | pass@1 of a at the end >= 0.9 | broken | 0.6000 |")
                .contains("\\| broken & lost");
        assertThat(Files.readString(directory.resolve("report.html")))
                .contains("&lt;")
                .contains("BROKEN");
    }

    @Test
    void rowsOfEstimatorsAreCalledByTheirMethods() {
        Numbers numbers = Numbers.of(List.of(
                new EstimatorTable.Row("`pope`", "pass@1, root and guided", .9, .1, 0, 1),
                new EstimatorTable.Row("`pope`", "pass@1", .7, .8, 0, 1)));
        assertThat(Measure.parse("x", "bias of estimator pope").in(numbers)).hasValue(.1);
        assertThat(Measure.parse("x", "cosine of estimator pope for pass@1").in(numbers))
                .hasValue(.7);
    }

    @Test
    void theShippedSuitesAreRightAndTheExamplesCallWhatThereIs() throws Exception {
        assertThat(Suite.read(SUITES.resolve("smoke.yaml")).entries()).hasSize(2);
        assertThat(Suite.read(SUITES.resolve("nightly.yaml")).entries()).hasSize(2);
        for (String name : List.of("github-actions.yml", "gitlab-ci.yml", "cronjob.yaml")) {
            String text = Files.readString(SUITES.resolve(name));
            assertThat(text).contains("./foothold regress services/foothold/regress/");
            var suite = java.util.regex.Pattern.compile("\\./foothold regress (\\S+)")
                    .matcher(text);
            while (suite.find()) {
                assertThat(ROOT.resolve(suite.group(1))).exists();
            }
        }
    }
}
