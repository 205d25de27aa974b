package io.foothold.cli.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.cli.process.AllInOne;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.settings.RunSettings;
import io.foothold.orchestrator.runfile.RunFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StudyRunTest {
    @TempDir
    Path directory;

    private final List<Path> started = new ArrayList<>();

    /** The pope study's arms without its services: who starts them is remembered, and nothing runs. */
    private Study study(String... settings) {
        return new Outcomes.Sham(
                new PopeStudy()
                        .arms().stream()
                                .limit(2)
                                .map(a -> a.with(List.of(settings)))
                                .toList(),
                List.of()) {
            @Override
            public void withServices(Path home, List<Arm> arms, AllInOne.Job job) {
                started.add(home);
            }
        };
    }

    private StudyRun.Options options(String... arms) {
        return new StudyRun.Options(false, 0, 0, List.of(arms), 1, 0, directory, directory.resolve("report"));
    }

    private void finish(Study study, String arm, long seed) {
        Arm found = study.arms().stream()
                .filter(a -> a.name().equals(arm))
                .findFirst()
                .orElseThrow();
        Job job = Job.of(found, seed);
        Outcome o = Outcomes.of(arm, seed, 0, .8);
        new Outcome(arm, seed, job.digest(), o.evaluations(), Map.of("train", 96L), Map.of(), 1, true)
                .write(job.result(directory));
    }

    @Test
    void whatIsFinishedIsNotRunAgain() throws Exception {
        Study study = study();
        for (String arm : List.of("grpo", "pope")) {
            finish(study, arm, 0);
            finish(study, arm, 1);
        }
        assertThat(new StudyRun(study, options()).run(List.of())).isZero();
        assertThat(started).isEmpty();
        assertThat(directory.resolve("report/report.html")).exists();
    }

    @Test
    void whatIsLeftIsRunAndNamedWhileItIsNotFinished() throws Exception {
        Study study = study();
        finish(study, "grpo", 0);
        finish(study, "grpo", 1);
        finish(study, "pope", 0);
        assertThat(new StudyRun(study, options()).run(List.of())).isEqualTo(1);
        assertThat(started).hasSize(1);
        assertThat(directory.resolve("report/report.json"))
                .content()
                .contains("pope-seed1")
                .doesNotContain("grpo-seed0\"");
        assertThat(new StudyRun(study, options("grpo")).run(List.of())).isZero();
        assertThat(started).hasSize(1);
    }

    @Test
    void otherSettingsAreAnotherRun() throws Exception {
        Study study = study();
        for (long seed = 0; seed < 2; seed++) {
            finish(study, "grpo", seed);
            finish(study, "pope", seed);
        }
        assertThat(new StudyRun(study("optimizer.learning_rate=5e-4"), options()).run(List.of()))
                .isEqualTo(1);
        assertThat(started).hasSize(1);
    }

    /** A look with fewer updates leaves what is finished as it is, and the other way round. */
    @Test
    void runsOfOtherSettingsLieBesideWhatIsFinished() {
        Study whole = study();
        Study look = study("updates=2");
        finish(whole, "grpo", 0);
        finish(look, "grpo", 0);
        Job first = Job.of(whole.arms().getFirst(), 0);
        Job second = Job.of(look.arms().getFirst(), 0);
        assertThat(first.isDone(directory)).isTrue();
        assertThat(second.isDone(directory)).isTrue();
        assertThat(first.name()).isEqualTo(second.name()).isEqualTo("grpo-seed0");
        assertThat(directory.resolve("results")).isDirectoryContaining("glob:**/grpo-seed0-*.json");
    }

    @ParameterizedTest
    @CsvSource({"popes, , study 'popes' (did you mean 'pope'?)", "pope, grop, --arm 'grop' (did you mean 'grpo'?)"})
    void unknownStudiesAndArmsAreRefusedByName(String study, String arm, String message) {
        assertThatThrownBy(() -> new StudyRun(study, arm == null ? options() : options(arm)))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining(message);
    }

    @Test
    void countsThatMakeNoSenseAreRefused() {
        assertThatThrownBy(() -> new StudyRun.Options(false, -1, 0, List.of(), 1, 0, directory, directory))
                .hasMessageContaining("--seeds");
        assertThatThrownBy(() -> new StudyRun.Options(false, 0, 0, List.of(), 0, 0, directory, directory))
                .hasMessageContaining("--processes");
    }

    /** Every arm's run file is one that the product takes, and no two arms are the same run. */
    @Test
    void armsAreRunFilesOfTheProduct() {
        for (Study study : List.of(new PopeStudy(), new ResetStudy())) {
            List<String> digests = study.arms().stream()
                    .map(a -> Job.of(a, 0).digest())
                    .distinct()
                    .toList();
            assertThat(digests).hasSameSizeAs(study.arms());
            assertThat(study.arms()).extracting(Arm::name).containsAll(study.quick());
            assertThat(study.arms()).extracting(Arm::slug).doesNotHaveDuplicates();
            assertThat(study.arms())
                    .extracting(Arm::name)
                    .contains(study.yardstick().baseline());
            for (Claim claim : study.claims()) {
                List<String> asked =
                        switch (claim.look()) {
                            case Claim.Beside b -> List.of(b.arm(), b.other());
                            case Claim.NotHigher n -> List.of(n.arm(), n.other());
                            case Claim.Ends e -> List.of(e.arm());
                            case Claim.Cosine c -> List.of(c.arm());
                            case Claim.Untestable u -> List.of();
                        };
                assertThat(study.arms()).extracting(Arm::name).containsAll(asked);
                if (claim.look() instanceof Claim.Beside b && b.measure().atTheEnd()) {
                    assertThat(rollouts(study, b.arm())).as(claim.condition()).isEqualTo(rollouts(study, b.other()));
                }
            }
        }
    }

    /** Rollouts that an arm is trained on. */
    private static long rollouts(Study study, String name) {
        Arm arm = study.arms().stream()
                .filter(a -> a.name().equals(name))
                .findFirst()
                .orElseThrow();
        RunSettings settings =
                RunFile.resolve(name, arm.runFile().apply(0), arm.settings()).settings();
        return settings.general().updates()
                * settings.sampling().groupsPerUpdate()
                * settings.sampling().rolloutsPerGroup();
    }
}
