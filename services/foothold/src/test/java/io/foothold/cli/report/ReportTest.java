package io.foothold.cli.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.core.ledger.LedgerAudit;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Element;
import org.xml.sax.InputSource;

/** What a report shows of a run's completions. */
class ReportTest {
    @TempDir
    Path home;

    private static String line(String problem, String response, String verdict) {
        return "{\"prompt\": \"P " + problem + "\", \"problem\": \"" + problem + "\", \"response\": \"" + response
                + "\", \"verdict\": \"" + verdict + "\"}";
    }

    private void completions(String name, String... lines) throws IOException {
        Files.write(Files.createDirectories(home.resolve("completions")).resolve(name), List.of(lines));
    }

    @Test
    void problemsThatWereLearnedComeFirstWithBothAnswers() throws IOException {
        completions(
                "evaluation-000000-test.jsonl",
                line("a", "was right", "PASS"),
                line("b", "wrong", "FAIL"),
                line("c", "wrong too", "UNPARSEABLE"),
                line("gone", "not asked again", "FAIL"));
        completions("evaluation-000004-test.jsonl", line("a", "between", "FAIL"));
        completions("evaluation-000008-other.jsonl", line("a", "another set", "PASS"));
        completions(
                "evaluation-000008-test.jsonl",
                line("a", "still right", "PASS"),
                line("b", "still wrong", "FAIL"),
                line("c", "right now", "PASS"));
        assertThat(Report.beforeAndAfter(home, "test", 2))
                .containsExactly(
                        new Report.Sample("c, before training", "P c", "wrong too", "UNPARSEABLE"),
                        new Report.Sample("c, after training", "P c", "right now", "PASS"),
                        new Report.Sample("a, before training", "P a", "was right", "PASS"),
                        new Report.Sample("a, after training", "P a", "still right", "PASS"));
        assertThat(Report.beforeAndAfter(home, "test", 9)).hasSize(6);
    }

    private static JsonNode evaluation(long update, String oracle) throws IOException {
        return new ObjectMapper().readTree("""
                {"update": %d, "set": "test", "pass@1": 0.25, "passes": 1, "samples": 4, "low": 0.1, "high": 0.6%s}
                """.formatted(update, oracle));
    }

    private static Report report(JsonNode... evaluations) {
        return new Report(
                "t",
                List.of(new Report.RunSummary(
                        "pope",
                        0,
                        List.of(evaluations),
                        0,
                        0,
                        1,
                        0,
                        1,
                        LedgerAudit.audit(Map.of(), List.of()),
                        List.of())),
                "");
    }

    @Test
    void theOraclesProbabilityIsToldBeforeAndAfterWhereItWasAsked() throws IOException {
        String before = """
                , "oracle": {"problems": 2, "tokens": 9, "log_prob": -4.605170186, "log_prob_per_token": -1.02, "probability": 0.02},
                "oracle_train": {"problems": 0, "tokens": 0, "not_scored": 1, "not_scored_first": "problem 'x': too long"}
                """;
        Report told = report(evaluation(0, before), evaluation(8, before.replace("-4.6", "-2.3")));
        assertThat(told.table())
                .contains(
                        "pope, update 0, test: oracle solutions from the unguided prompt: 10^-2.00 a solution, -1.020 nats a token, "
                                + "mean probability 0.020 (2 problems, 9 tokens); training none, 1 not scored (problem 'x': too long)",
                        "pope, update 8, test: oracle solutions from the unguided prompt: 10^-1.00 a solution");
        assertThat(report(evaluation(0, "")).table()).doesNotContain("oracle");
    }

    /** The charts of a page; a browser forgives what is no XML, and nothing here needs that. */
    private static List<Element> charts(String html) throws Exception {
        List<Element> out = new ArrayList<>();
        for (Matcher m = Pattern.compile("<svg.*?</svg>", Pattern.DOTALL).matcher(html); m.find(); ) {
            out.add(DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(new InputSource(new StringReader(m.group())))
                    .getDocumentElement());
        }
        return out;
    }

    @Test
    void aPageShowsNumbersCurvesAndWhatWasSaidAsItWasSaid() throws Exception {
        Report report = new Report(
                "Is 1 < 2?",
                List.of(new Report.RunSummary(
                        "pope",
                        0,
                        List.of(evaluation(0, ""), evaluation(8, "")),
                        96,
                        7,
                        1.4,
                        0,
                        1,
                        LedgerAudit.audit(Map.of(), List.of()),
                        List.of(new Report.Sample("a & b", "P", "{x} <answer>", "PASS")))),
                "what it shows");
        String html = report.page().html();
        assertThat(html)
                .startsWith("<!doctype html>")
                .contains(
                        "<title>Is 1 &lt; 2?</title>",
                        "<p>what it shows</p>",
                        "<th>pass@1 before</th>",
                        "<td>pope</td><td>96</td><td>7</td><td>0.250</td><td>0.250</td><td>0.100 to 0.600</td><td>1</td>",
                        "<h3>a &amp; b — PASS</h3>",
                        "→ {x} &lt;answer&gt;</pre>")
                .doesNotContain("NOT_FOUND");
        Element chart = charts(html).getFirst();
        // 0 and 8 updates are the ends of the axis, and a quarter is a quarter of the way up.
        assertThat(((Element) chart.getElementsByTagName("polyline").item(0)).getAttribute("points"))
                .isEqualTo("60.0,227.5 740.0,227.5");
        assertThat(chart.getTextContent()).contains("POPE", "0.2", "8");
    }

    private static ResetReport.Run arm(String name, String seed, int thought) throws IOException {
        return new ResetReport.Run(
                name,
                0,
                List.of(new ObjectMapper().readTree("""
                        {"pass@1": 0.5, "low": 0.4, "high": 0.6, "training_tokens": 3000, "tokens_by_use": {"seed": 1, "train": 2}}
                        """)),
                9,
                LedgerAudit.audit(Map.of(), List.of()),
                Optional.of(
                        new ResetReport.Picture(seed, List.of("one <", "two"), thought, 2, List.of("right  three"))),
                new ResetReport.Suffixes(4, 3, 0, 0));
    }

    @Test
    void aPageOfResetsShowsWhereEachMethodCutTheSameRollout() throws Exception {
        String html = new ResetReport(
                        List.of(
                                arm("srpo", "r", 2),
                                arm("rrpo", "r", 1),
                                arm("oracle", "r", 2),
                                arm("srpo, spread", "other", 1)),
                        6000)
                .page()
                .html();
        assertThat(html)
                .contains(
                        "for the arms called <em>last mark</em>",
                        "one &lt;   <span class=\"cut\">reset before this: rrpo</span>",
                        "<span class=\"wrong\">two  first error</span>   <span class=\"cut\">reset before this: srpo, oracle</span>",
                        "<h3>Suffixes of rrpo</h3>",
                        "<td>1 / 0 / 2</td>",
                        "0.750 of 4 / -")
                .doesNotContain("Suffixes of srpo, spread");
        assertThat(charts(html)).hasSize(2);
        assertThat(charts(html).get(0).getTextContent()).contains("oracle").doesNotContain("spread");
        assertThat(charts(html).get(1).getTextContent()).contains("srpo, spread");
    }

    @Test
    void powersLieOnStraightLines() {
        Chart chart = Chart.powers(
                List.of(new Chart.Power("square", 2, List.of(new Chart.Point(1, 1), new Chart.Point(0.1, 0.01)))), "l");
        Chart.Series only = chart.series().getFirst();
        assertThat(only.line())
                .isEqualTo(only.dots().stream().map(d -> d.x() + "," + d.y()).collect(Collectors.joining(" ")));
        assertThat(chart.up()).extracting(Chart.Tick::text).containsExactly("1e-2", "1e-1", "1e0");
        assertThat(chart.across()).extracting(Chart.Tick::text).containsExactly("p = 1.0", "p = 0.1");
    }
}
