package io.foothold.verifier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict.Kind;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.answer.Canaries;
import io.foothold.verifier.answer.Grading;
import io.foothold.verifier.answer.Judge;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options where graders disagree: what they accept, what they refuse, and that the standard differs. */
class GradingTest {
    private static Kind judge(ProblemKind kind, String options, String gold, String response) {
        return AnswerVerifier.verify(kind, gold, response, Grading.EVALUATION.with(options))
                .kind();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "boxed-required | MATH | 7 | The answer is 7. | UNPARSEABLE",
                "boxed-required | MATH | 7 | so \\boxed{7} | PASS",
                "strict-box | MATH | 1/2 | \\boxed{0.5} | FAIL",
                "strict-box | MATH | 7 | \\boxed{7} | PASS",
                "think-delimiter | MATH | 7 | \\boxed{7} | UNPARSEABLE",
                "think-delimiter | MATH | 7 | <think>\\boxed{8}</think>\\boxed{7} | PASS",
                "answer-line | MATH | 7 | Answer: 8, no.¶Answer: 7 | PASS",
                "answer-line | MATH | 7 | it is 7 | UNPARSEABLE",
                "answer-line | MATH | 7 | Answer: \\boxed{7} | PASS",
                "answer-line | MATH | 7 | Answer: \\boxed{7} or so | FAIL",
                "answer-word | TEXT | Paris | ANSWER: paris. | PASS",
                "answer-word | TEXT | Paris | ANSWER: Paris, of course | UNPARSEABLE",
                "bracket-answer | MATH | 45 | [1] then [45 degrees] | PASS",
                "bracket-answer | MATH | 45 | 45 | UNPARSEABLE",
                "pattern=Result=(\\d+) | MATH | 12 | Result=11 Result=12 | PASS",
                "pattern=(?i)option\\s+([a-z]) | CHOICE | B | Option a? no, option b | PASS",
                "percent-ignored | MATH | 10 | 10% | PASS",
                "ordered | MATH | 1, 2 | 2, 1 | FAIL",
                "relative=0.01 | MATH | 100 | 100.5 | PASS",
                "relative=0.01 | MATH | 100 | 102 | FAIL",
                "places=2 | MATH | (1/3, 2) | (0.333, 2) | PASS",
                "places=2 | MATH | 1/3 | 0.34 | FAIL",
                "reduced | MATH | 1/2 | \\frac{2}{4} | FAIL",
                "reduced | MATH | 1/2 | \\frac{1}{2} | PASS",
                "evaluated | MATH | 12 | 3 \\cdot 4 | FAIL",
                "evaluated | MATH | 12 | 10+2 | FAIL",
                "evaluated | MATH | 12 | x = 12 | PASS",
                "evaluated | MATH | -3/4 | -\\frac{3}{4} | PASS",
                "evaluated | MATH | 2\\sqrt{3} | 2\\sqrt{3} | PASS",
                "evaluated | MATH | x+1 | 1+x | PASS",
                "contained | TEXT | sodium chloride | It is sodium chloride, a salt. | PASS",
                "contained | TEXT | sodium chloride | It is sodium. | FAIL",
                "contained | TEXT | iron | It is iron or gold or tin. | FAIL",
                "renamed | MATH | x^2+1 | 1+t^2 | PASS",
                "renamed | MATH | x^2+1 | 2+t^2 | FAIL",
                "as-text | MATH | 1/2 | 0.5 | FAIL",
                "`choices=A:red|B:blue` | CHOICE | B | Answer: blue | PASS",
                "`choices=A:red|B:blue` | CHOICE | B | Answer: green | UNPARSEABLE",
                "`choices=A:red|B:blue` | CHOICE | B | Answer: C | UNPARSEABLE",
                "letters=ABCD | CHOICE | B | Answer: E | UNPARSEABLE",
                "letters=ABCD, boxed-required | CHOICE | B | Answer: B | PASS",
            })
    void optionsDoWhatTheirNamesSay(String options, ProblemKind kind, String gold, String response, Kind expected) {
        assertThat(judge(kind, options.strip(), gold.strip(), response.strip().replace('¶', '\n')))
                .isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "boxed-require | unknown grading option 'boxed-require' (did you mean 'boxed-required'?)",
                "places=two | grading option places needs a number from 0 to",
                "relative=-1 | grading option relative needs a number",
                "pattern=( | is no regular expression",
                "choices=red | needs LETTER:text",
                "letters= | needs capital letters",
            })
    void wrongOptionsAreRefused(String options, String why) {
        assertThatThrownBy(() -> Grading.TRAINING.with(options)).hasMessageContaining(why);
    }

    /** A pattern that backtracks without end is cut by counting, not by the clock. */
    @Test
    void aPatternCannotSearchForEver() {
        Grading evil = Grading.EVALUATION.with("pattern=(a+)+b");
        assertThat(org.junit.jupiter.api.Assertions.assertTimeout(
                                Duration.ofSeconds(20),
                                () -> AnswerVerifier.verify(ProblemKind.MATH, "1", "a".repeat(5_000), evil))
                        .kind())
                .isEqualTo(Kind.UNPARSEABLE);
    }

    @Test
    void anExactValueMayBeFollowedByADecimalNearIt() {
        assertThat(judge(ProblemKind.MATH, "", "\\frac{9.5}{3}", "\\frac{9.5}{3} \\approx 3.17"))
                .isEqualTo(Kind.PASS);
        assertThat(judge(ProblemKind.MATH, "", "\\frac{9.5}{3}", "\\frac{9.5}{3} \\approx 3.5"))
                .isEqualTo(Kind.FAIL);
        assertThat(judge(ProblemKind.MATH, "", "5", "\\boxed{x = 4 = 5}")).isEqualTo(Kind.FAIL);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "MATH | \\frac{1}{2} | true",
                "MATH | no solution | true",
                "MATH | (-\\infty, 3] | true",
                "MATH | \\frac{1}{ | false",
                "MATH | 3x ++* | false",
                "NUMERIC | 42 | true",
                "NUMERIC | forty | true",
                "NUMERIC | many | false",
                "CHOICE | B | true",
                "CHOICE | none | false",
                "COUNTDOWN | {\"numbers\": [1, 2], \"target\": 3} | true",
                "COUNTDOWN | 3 | false",
                "TEXT | anything | true",
                "CODE | {\"asserts\": [\"assert f() == 1\"]} | true",
                "CODE | print(1) | false",
            })
    void goldAnswersAreLookedAtWithoutAResponse(ProblemKind kind, String gold, boolean sound) {
        assertThat(Judge.form(kind, gold).isEmpty()).isEqualTo(sound);
        assertThat(Judge.form(kind, " ")).isPresent();
    }

    @Test
    void canariesComeOutAsKnown() {
        assertThat(Canaries.wrong()).isEmpty();
    }
}
