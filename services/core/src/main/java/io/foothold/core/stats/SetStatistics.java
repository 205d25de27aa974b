package io.foothold.core.stats;

import io.foothold.core.passk.PassAtK;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.TreeMap;

/**
 * What samples of a problem set say. Only what was measured counts: a sample without a verdict is no wrong answer, and a problem
 * enters pass@k only with k verdicts or more.
 *
 * @param passes samples that passed
 * @param judged samples with a verdict
 * @param problemsJudged problems with at least one verdict
 * @param solved problems that always, sometimes and never pass
 * @param passAtK by k, in order; every k that was asked for and the samples allow
 */
public record SetStatistics(
        long passes, long judged, int problemsJudged, Solved solved, Map<Integer, Estimate> passAtK) {

    /** Verdicts of one problem. */
    public record Count(int passes, int judged) {
        /** Checks that passes are verdicts. */
        public Count {
            if (passes < 0 || passes > judged) {
                throw new IllegalArgumentException("need 0 <= passes <= judged: " + passes + " of " + judged);
            }
        }
    }

    /**
     * pass@k as the mean of the unbiased estimate (Chen et al. 2021, eq. 1) over the problems that have k verdicts.
     *
     * @param value in [0, 1]; empty when no problem has k verdicts: nothing was measured, which is not 0
     * @param problems how many problems it is the mean of
     */
    public record Estimate(OptionalDouble value, int problems) {
        /** Its 95 % interval over problems, each of which counts once however often it was sampled; [0, 1] where nothing was measured. */
        public Interval interval() {
            return value.isPresent() ? Interval.ofShare(value.getAsDouble(), problems) : new Interval(0, 1);
        }
    }

    /**
     * Problems by what became of their verdicts; those without one are in none.
     *
     * @param always every verdict is a pass
     * @param sometimes some are
     * @param never none is
     */
    public record Solved(int always, int sometimes, int never) {
        private static Solved of(List<Count> counts) {
            int always = 0;
            int never = 0;
            int judged = 0;
            for (Count c : counts) {
                judged += c.judged() > 0 ? 1 : 0;
                always += c.judged() > 0 && c.passes() == c.judged() ? 1 : 0;
                never += c.judged() > 0 && c.passes() == 0 ? 1 : 0;
            }
            return new Solved(always, judged - always - never, never);
        }
    }

    /**
     * The statistics of a set.
     *
     * @param counts one a problem
     * @param samples samples of each problem that were asked for
     * @param ks which pass@k; those above {@code samples} are left out
     */
    public static SetStatistics of(List<Count> counts, int samples, int... ks) {
        Map<Integer, Estimate> passAtK = new TreeMap<>();
        for (int k : ks) {
            if (k <= samples) {
                List<Count> enough =
                        counts.stream().filter(c -> c.judged() >= k).toList();
                OptionalDouble mean = enough.stream()
                        .mapToDouble(c -> PassAtK.estimate(c.judged(), c.passes(), k))
                        .average();
                passAtK.put(k, new Estimate(mean, enough.size()));
            }
        }
        return new SetStatistics(
                counts.stream().mapToLong(Count::passes).sum(),
                counts.stream().mapToLong(Count::judged).sum(),
                (int) counts.stream().filter(c -> c.judged() > 0).count(),
                Solved.of(counts),
                passAtK);
    }

    /** pass@1; empty when nothing was judged. */
    public OptionalDouble passAt1() {
        Estimate one = passAtK.get(1);
        return one == null ? OptionalDouble.empty() : one.value();
    }
}
