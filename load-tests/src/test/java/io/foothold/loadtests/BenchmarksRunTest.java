package io.foothold.loadtests;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.verdict.Verdict;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Benchmarks that nothing runs rot: each runs for a moment here, without any bound on its time. */
class BenchmarksRunTest {
    @Test
    void everyBenchmarkRuns() throws RunnerException {
        var results = new Runner(new OptionsBuilder()
                        .forks(0)
                        .warmupIterations(0)
                        .measurementIterations(1)
                        .measurementTime(TimeValue.milliseconds(5))
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .build())
                .run();
        assertThat(results).hasSize(16);
    }

    @Test
    void theVerifierBenchmarkMeasuresVerdictsAsExpected() {
        VerifierBenchmark benchmark = new VerifierBenchmark();
        benchmark.answers = "1/2|\\frac{2}{4}";
        assertThat(benchmark.check().kind()).isEqualTo(Verdict.Kind.PASS);
        benchmark.answers = "3.25|42";
        assertThat(benchmark.check().kind()).isEqualTo(Verdict.Kind.FAIL);
    }
}
