package io.foothold.loadtests;

import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.function.FunctionCall;
import io.foothold.verifier.function.RewardFunction;
import io.foothold.verifier.function.RewardFunctions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Time of a call of a reward function that does nothing, of a thousand that wait at once: what its way there and back costs. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class RewardFunctionBenchmark {
    private static final int CALLS = 1000;

    /** Processes of the function. */
    @Param({"1", "2"})
    public int processes;

    /** Characters of a response. */
    @Param({"200", "4000"})
    public int length;

    private RewardFunctions functions = new RewardFunctions(RewardFunctions.Setup.standard());
    private RewardFunction function = RewardFunction.of(
            "nothing.py",
            "score",
            "def score(problem, response):\n    return 1\n",
            new RewardFunction.Limits(false, 10, 1L << 30),
            1);

    /** Starts the processes. */
    @Setup
    public void start() {
        functions = new RewardFunctions(new RewardFunctions.Setup(true, "bwrap", "python3", processes, 1 << 20));
        functions.check(function);
    }

    /** Ends them. */
    @TearDown
    public void end() {
        functions.close();
    }

    /** A thousand calls. */
    @Benchmark
    @OperationsPerInvocation(CALLS)
    public double call() {
        Map<String, String> problem = Map.of(
                "id",
                "p1",
                "statement",
                "Add 3, 6 and 2.",
                "kind",
                "math",
                "answer",
                "11",
                "source",
                "",
                "split",
                "train");
        String response = "3 + 6 = 9. ".repeat(length / 11 + 1).substring(0, length);
        List<CompletableFuture<Verdict>> ends = new ArrayList<>();
        for (int i = 0; i < CALLS; i++) {
            CompletableFuture<Verdict> end = new CompletableFuture<>();
            var unused = functions.judge(function, new FunctionCall(problem, response, end::complete, false));
            ends.add(end);
        }
        return ends.stream().mapToDouble(end -> end.join().score()).sum();
    }
}
