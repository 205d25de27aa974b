package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
}
