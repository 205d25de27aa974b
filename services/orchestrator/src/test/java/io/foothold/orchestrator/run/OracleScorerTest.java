package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import java.util.List;
import org.junit.jupiter.api.Test;

class OracleScorerTest {
    @Test
    void aSolutionIsWhatComesBehindThePromptsOwnTokens() {
        OracleScorer.Encoded encoded = OracleScorer.encoded("p", List.of(4, 5), List.of(4, 5, 6, 7));
        assertThat(encoded.tokens().promptTokenIds()).containsExactly(4, 5);
        assertThat(encoded.tokens().tokenIds()).containsExactly(6, 7);
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
        assertThat(OracleScorer.solution(problem(ProblemKind.EXACT, "a;", "b;")))
                .isEqualTo("a;b;[7]");
        assertThat(OracleScorer.solution(problem(ProblemKind.EXACT, "a;", "b;", "[7]")))
                .isEqualTo("a;b;[7]");
        assertThat(OracleScorer.solution(problem(ProblemKind.NUMERIC, "a;", "b;")))
                .isEqualTo("a;b;");
    }

    private static Problem problem(ProblemKind kind, String... thoughts) {
        return new Problem("p", "", kind, "[7]", List.of(thoughts), "", "train", 0);
    }
}
