package io.foothold.core.verdict;

import java.util.OptionalDouble;

/** A named rule from verdict to reward. Verdicts that judge nothing give no reward, not a reward of 0. */
public enum RewardRule {
    /** 1 for a pass, 0 otherwise, finished or not (POPE's {@code pure_success}). */
    CORRECT {
        @Override
        double judged(Verdict verdict, boolean truncated, double uniform, RewardTable table) {
            return verdict.kind() == Verdict.Kind.PASS ? 1 : 0;
        }
    },
    /** 1 for a pass of a rollout that ended by itself, 0 otherwise. */
    CORRECT_AND_FINISHED {
        @Override
        double judged(Verdict verdict, boolean truncated, double uniform, RewardTable table) {
            return verdict.kind() == Verdict.Kind.PASS && !truncated ? 1 : 0;
        }
    },
    /** 1 for a finished pass, 0.5 for a truncated one, 0 otherwise (PipelineRL's {@code success}). */
    SUCCESS {
        @Override
        double judged(Verdict verdict, boolean truncated, double uniform, RewardTable table) {
            return verdict.kind() != Verdict.Kind.PASS ? 0 : truncated ? 0.5 : 1;
        }
    },
    /** The verdict's score, such as the fraction of tests that passed. */
    SCORE {
        @Override
        double judged(Verdict verdict, boolean truncated, double uniform, RewardTable table) {
            return verdict.score();
        }
    },
    /** What the run's {@link RewardTable} has for the verdict and the end. */
    TABLE {
        @Override
        double judged(Verdict verdict, boolean truncated, double uniform, RewardTable table) {
            return table.of(verdict.kind(), truncated);
        }
    },
    /** 1 or 0 with even chances, whatever the verdict: the control whose signal is noise. */
    RANDOM {
        @Override
        double judged(Verdict verdict, boolean truncated, double uniform, RewardTable table) {
            return uniform < 0.5 ? 1 : 0;
        }
    };

    abstract double judged(Verdict verdict, boolean truncated, double uniform, RewardTable table);

    /**
     * The reward, or empty when the verdict judges nothing.
     *
     * @param uniform a number in [0, 1) that belongs to the rollout alone
     * @param table of {@link #TABLE}
     */
    public OptionalDouble reward(Verdict verdict, boolean truncated, double uniform, RewardTable table) {
        return verdict.kind().judged()
                ? OptionalDouble.of(judged(verdict, truncated, uniform, table))
                : OptionalDouble.empty();
    }
}
