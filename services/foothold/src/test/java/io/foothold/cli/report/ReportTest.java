package io.foothold.cli.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.core.ledger.LedgerAudit;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
}
