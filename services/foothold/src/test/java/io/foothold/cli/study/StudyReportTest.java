package io.foothold.cli.study;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyReportTest {
    @TempDir
    Path directory;

    private static Arm arm(String name, String panel, String mix) {
        return new Arm(name, "about " + name, panel, "two-dials", mix, seed -> "", List.of());
    }

    private static final List<Arm> ARMS =
            List.of(arm("grpo", "one", ""), arm("mixed", "two", "conflict"), arm("late", "two", ""));

    private static StudyReport report() {
        Study study = new Outcomes.Sham(
                ARMS,
                List.of(new Claim(
                        "mixing <hurts>", "here", new Claim.Beside("mixed", "grpo", Claim.Measure.END, false))));
        return new StudyReport(
                study,
                ARMS,
                List.of(
                        Outcomes.of("grpo", 0, Map.of("train", 960L), 0, .4, .8),
                        Outcomes.of("grpo", 1, Map.of("train", 960L), 0, .5, .9),
                        Outcomes.of("mixed", 0, Map.of("train", 960L, "search", 100L), 0, 0, .01),
                        Outcomes.of("mixed", 1, Map.of("train", 960L, "search", 100L), 0, 0, .02)),
                study.beside(ARMS, Path.of("")),
                List.of("late-seed0", "late-seed1"));
    }

    @Test
    void theTableHasEverySeedItsCostAndTheSign() {
        assertThat(report().table())
                .contains("0: 0.800 (0.40 to 0.90)   1: 0.900 (0.45 to 0.95)")
                .contains("1.0k, took off at 0.6k / 0.5k")
                .contains("problems always / sometimes / never solved at the end 8/16/8   9/16/7")
                .contains("solvable, pass@16, 1.00 (0.80 to 1.00)   1.00 (0.90 to 1.00)")
                .contains("1.1k (search 0.1), took off at - / -; problems always")
                .contains("own style 0.50 / 0.50; cosine -0.91")
                .contains("late                     not run")
                .contains("reproduced")
                .contains("mixed less grpo, pass@1 at the end: -0.835")
                .contains("not finished, the same command goes on with them: late-seed0, late-seed1");
    }

    @Test
    void thePageHasACurveAFigureAndTheBaselineInEach() throws Exception {
        StudyReport report = report();
        report.write(directory);
        String page = Files.readString(directory.resolve("report.html"));
        assertThat(page.split("<svg", -1)).hasSize(3);
        assertThat(page.split("<polyline", -1)).as("grpo; grpo and mixed").hasSize(4);
        assertThat(page)
                .contains("mixing &lt;hurts&gt;")
                .contains("A &lt;sham&gt;")
                .contains("Not finished: late-seed0");
        assertThat(Files.readString(directory.resolve("report.json")))
                .contains("\"cost_to_threshold\"")
                .contains("\"verdict\" : \"reproduced\"");
    }

    /** Two sets make a plane: the way of the arm in it is one more figure. */
    @Test
    void armsWithEasyProblemsHaveTheirWayInThePlane() {
        Outcome mixed = Outcomes.of("mixed", 0, 0, .1, .9);
        List<com.fasterxml.jackson.databind.JsonNode> both = new java.util.ArrayList<>(mixed.evaluations());
        for (int i = 0; i < 3; i++) {
            both.add(Outcomes.evaluation("easy-test", 10 * i, .3 * (i + 1)));
        }
        Outcome two = new Outcome("mixed", 0, "digest", both, Map.of("train", 960L), Map.of(), 1, true);
        StudyReport report =
                new StudyReport(new Outcomes.Sham(ARMS, List.of()), ARMS, List.of(two), Map.of(), List.of());
        report.write(directory);
        assertThat(directory.resolve("report.html"))
                .content()
                .contains("Interference: pass@1 on hard-test by pass@1 on the easy problems");
        assertThat(report.table()).contains("easy-test 0.30 to 0.90");
    }
}
