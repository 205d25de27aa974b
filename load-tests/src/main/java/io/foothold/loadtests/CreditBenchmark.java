package io.foothold.loadtests;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.random.Seeds;
import java.util.ArrayList;
import java.util.List;
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

/** Advantages and credit of an update of 96 rollouts in groups of 8. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CreditBenchmark {
    private static final int GROUPS = 12;
    private static final int MEMBERS = 8;

    /** Estimator by name. */
    @Param({"mean", "mean_std", "leave_one_out", "pass_at_k"})
    public String estimator = "";

    /** One update. */
    @Benchmark
    public CreditPlan update() {
        AdvantageEstimator rule = AdvantageEstimator.named(estimator, 4);
        List<CreditPlan.Member> members = new ArrayList<>();
        for (int g = 0; g < GROUPS; g++) {
            double[] rewards = new double[MEMBERS];
            for (int i = 0; i < MEMBERS; i++) {
                rewards[i] = Seeds.uniform(g, i) < 0.5 ? 1 : 0;
            }
            for (double advantage : rule.advantages(rewards)) {
                members.add(new CreditPlan.Member(20, 0, 40, advantage));
            }
        }
        return CreditPlan.of(LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN), members);
    }
}
