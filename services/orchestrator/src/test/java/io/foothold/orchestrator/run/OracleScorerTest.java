package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.v1.Problem;
import io.foothold.v1.ProblemKind;
import java.util.List;
import org.junit.jupiter.api.Test;

class OracleScorerTest {
    @Test
    void aSolutionIsWhatComesBehindThePromptsOwnTokens() {
        OracleScorer.Encoded encoded = OracleScorer.encoded("p", List.of(4, 5), List.of(4, 5, 6, 7));
        assertThat(encoded.tokens().getPromptTokenIdsList()).containsExactly(4, 5);
        assertThat(encoded.tokens().getSolutionTokenIdsList()).containsExactly(6, 7);
        assertThat(encoded.problem()).isEmpty();
    }

    @Test
    void aPromptThatTheTokenizerJoinsWithItsSolutionIsNotScored() {
        assertThat(OracleScorer.encoded("p", List.of(4, 5), List.of(4, 8, 7)).problem())
                .contains("joins the two");
        assertThat(OracleScorer.encoded("p", List.of(4, 5), List.of(4, 5)).problem())
                .isNotEmpty();
        assertThat(OracleScorer.encoded("p", List.of(4, 5), List.of(4)).problem())
                .isNotEmpty();
    }

    @Test
    void aSolutionHoldsTheTextThatAResponseHasToEndWith() {
        Problem problem = Problem.newBuilder()
                .setKind(ProblemKind.PROBLEM_KIND_EXACT)
                .setAnswer("[7]")
                .addOracleThoughts("a;")
                .addOracleThoughts("b;")
                .build();
        assertThat(OracleScorer.solution(problem)).isEqualTo("a;b;[7]");
        assertThat(OracleScorer.solution(
                        problem.toBuilder().addOracleThoughts("[7]").build()))
                .isEqualTo("a;b;[7]");
        assertThat(OracleScorer.solution(problem.toBuilder()
                        .setKind(ProblemKind.PROBLEM_KIND_NUMERIC)
                        .build()))
                .isEqualTo("a;b;");
    }
}
