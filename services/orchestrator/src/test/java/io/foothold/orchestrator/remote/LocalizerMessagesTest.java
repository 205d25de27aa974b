package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.method.Localization;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.rollout.Rollouts;
import io.foothold.v1.LocalizeWork;
import io.foothold.v1.LocalizerMode;
import io.foothold.v1.NoError;
import io.foothold.v1.OracleComparison;
import io.foothold.v1.Questions;
import io.foothold.v1.Revision;
import io.foothold.v1.SamplingSettings;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LocalizerMessagesTest {
    private static final Problem PROBLEM =
            new Problem("p", "statement", ProblemKind.MATH, "", List.of("x;", "y;"), "", "train", 0);

    private static Localizer.Work work(Localizer.Mode mode, boolean withOracle) {
        return new Localizer.Work(
                Rollouts.named("r"),
                new Localizer.Manner(mode, 2, 0.5, ";", new Localizer.Wording("{steps}", 0.3, 7, 1)),
                PROBLEM,
                withOracle,
                11,
                List.of(Rollouts.named("a")),
                "trace");
    }

    private static Localizer.Answer answer(io.foothold.v1.Localization.Builder said) {
        return LocalizerMessages.answer(said.build(), work(Localizer.Mode.SELF, false));
    }

    @ParameterizedTest
    @EnumSource
    void everyModeIsOneOfTheContract(Localizer.Mode mode) {
        LocalizeWork work = LocalizerMessages.work(work(mode, false));
        assertThat(work.getMode()).isNotIn(LocalizerMode.LOCALIZER_MODE_UNSPECIFIED, LocalizerMode.UNRECOGNIZED);
        assertThat(Localizer.Mode.values()).hasSize(LocalizerMode.values().length - 2);
    }

    @Test
    void theOracleIsShownOnlyToWhomMaySeeIt() {
        assertThat(LocalizerMessages.work(work(Localizer.Mode.SELF, false)).getOracleThoughtsList())
                .isEmpty();
        LocalizeWork work = LocalizerMessages.work(work(Localizer.Mode.SELF, true));
        assertThat(work.getOracleThoughtsList()).containsExactly("x;", "y;");
        assertThat(work.getAnswersList()).singleElement().matches(a -> a.getId().equals("a"));
        assertThat(work.getSeed()).isEqualTo(11);
        assertThat(work.getTrace()).isEqualTo("trace");
    }

    @Test
    void whatALocalizerSaysIsWhatTheMethodHears() {
        io.foothold.v1.Localization.Builder said = io.foothold.v1.Localization.newBuilder();
        assertThat(answer(said.clone().setStep(3)))
                .isEqualTo(new Localizer.Found(new Localization.Step(3, OptionalInt.empty(), 0)));
        assertThat(answer(said.clone()
                        .setStep(3)
                        .setComparison(
                                OracleComparison.newBuilder().setFirstError(2).setEffectiveDeviation(-1))))
                .isEqualTo(new Localizer.Found(new Localization.Step(3, OptionalInt.of(2), -1)));
        assertThat(answer(said.clone().setNoError(NoError.getDefaultInstance())))
                .isEqualTo(new Localizer.Found(new Localization.NoError()));
        assertThat(answer(said.clone().setUnparseable("hm")))
                .isEqualTo(new Localizer.Found(new Localization.Unparseable("hm")));
        assertThatThrownBy(() -> answer(said.clone())).hasMessageContaining("the localizer named nothing");
    }

    @Test
    void whoRefusesOneRolloutRefusesAll() {
        for (ErrorCode code : List.of(ErrorCode.INVALID_INPUT, ErrorCode.PEER_UNAVAILABLE)) {
            Localizer.Found found = (Localizer.Found) answer(io.foothold.v1.Localization.newBuilder()
                    .setFailed(new FootholdException(code, "why").toItemFailure()));
            assertThat(((Localization.Failed) found.localization()).refused()).isEqualTo(!code.retryable());
        }
    }

    @Test
    void questionsAreAboutTheProblemAndPartOfItsTrace() {
        Localizer.Questions questions = (Localizer.Questions) answer(io.foothold.v1.Localization.newBuilder()
                .setQuestions(Questions.newBuilder()
                        .addStarts(io.foothold.v1.StartState.newBuilder()
                                .setRevision(Revision.newBuilder().setRolloutId("r"))
                                .setPrompt("which?"))
                        .setSettings(SamplingSettings.newBuilder()
                                .setTemperature(0.3)
                                .setMaxTokens(7))));
        assertThat(questions.starts()).singleElement().satisfies(start -> {
            assertThat(start.origin()).isEqualTo(new StartState.Revision("p", "r", ""));
            assertThat(start.prompt()).isEqualTo("which?");
            assertThat(start.trace()).isEqualTo("trace");
        });
        assertThat(questions.sampling().maxTokens()).isEqualTo(7);
    }
}
