package io.foothold.verifier.answer;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import java.util.ArrayList;
import java.util.List;

/** Problems whose verdicts are known. A verifier that gets one wrong must not judge a run. */
public final class Canaries {
    private record Canary(ProblemKind kind, String gold, String response, Verdict.Kind verdict) {}

    private static final List<Canary> ALL = List.of(
            new Canary(ProblemKind.MATH, "\\frac{1}{2}", "so \\boxed{0.5}", Verdict.Kind.PASS),
            new Canary(ProblemKind.MATH, "\\frac{1}{2}", "so \\boxed{0.6}", Verdict.Kind.FAIL),
            new Canary(ProblemKind.MATH, "\\frac{1}{2}", "so 0.5", Verdict.Kind.UNPARSEABLE),
            new Canary(ProblemKind.MATH, "(x+1)^2-\\sin^2 y", "\\boxed{x^2+2x+\\cos^2 y}", Verdict.Kind.PASS),
            new Canary(ProblemKind.MATH, "\\{1,2\\}", "\\boxed{\\{2,1\\}}", Verdict.Kind.PASS),
            new Canary(ProblemKind.MATH, "(1,2)", "\\boxed{(2,1)}", Verdict.Kind.FAIL),
            new Canary(ProblemKind.MATH, "5", "\\boxed{4 \\text{ or } 5}", Verdict.Kind.FAIL),
            new Canary(ProblemKind.MATH, "1", "\\boxed{2^{2^{2^{49}}}}", Verdict.Kind.FAIL),
            new Canary(ProblemKind.NUMERIC, "42", "\\boxed{42.0}", Verdict.Kind.PASS),
            new Canary(ProblemKind.CHOICE, "B", "The answer is (B).", Verdict.Kind.PASS),
            new Canary(ProblemKind.CHOICE, "B", "A B C D", Verdict.Kind.UNPARSEABLE),
            new Canary(ProblemKind.TEXT, "New York", "Answer: the new york", Verdict.Kind.PASS),
            new Canary(
                    ProblemKind.COUNTDOWN,
                    "{\"numbers\": [4, 5, 6], \"target\": 14}",
                    "<answer>4 * 5 - 6</answer>",
                    Verdict.Kind.PASS),
            new Canary(
                    ProblemKind.COUNTDOWN,
                    "{\"numbers\": [4, 5, 6], \"target\": 14}",
                    "<answer>14</answer>",
                    Verdict.Kind.FAIL));

    private Canaries() {}

    /** What is wrong; empty when every verdict is the known one. */
    public static List<String> wrong() {
        List<String> out = new ArrayList<>();
        for (Canary c : ALL) {
            Verdict v = AnswerVerifier.verify(c.kind(), c.gold(), c.response());
            if (v.kind() != c.verdict()) {
                out.add(c.kind() + " " + c.gold() + " against " + c.response() + ": expected " + c.verdict() + ", got "
                        + v.kind() + " (" + v.rule() + ")");
            }
        }
        return out;
    }
}
