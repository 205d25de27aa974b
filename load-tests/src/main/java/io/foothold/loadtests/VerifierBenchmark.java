package io.foothold.loadtests;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.answer.AnswerVerifier;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Checks of one response, by what the answer is. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class VerifierBenchmark {
    /** Gold answer and final answer of the response. */
    @Param({
        "1/2|\\frac{2}{4}",
        "1024|1{,}024",
        "x+1|1+x",
        "3.25|42",
        "\\frac{3\\sqrt{5}}{7}|3*sqrt(5)/7",
        "x<3|(-\\infty,3)",
        "1,2,3|\\{3,2,1\\}",
        "\\tan^2(y)+1|\\sec^2(y)"
    })
    public String answers = "";

    /** One check. */
    @Benchmark
    public Verdict check() {
        int bar = answers.indexOf('|');
        return AnswerVerifier.verify(
                ProblemKind.MATH,
                answers.substring(0, bar),
                "First we see that 7 is odd, so the rest follows: \\boxed{" + answers.substring(bar + 1) + "}");
    }
}
