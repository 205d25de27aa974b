package io.foothold.orchestrator.remote;

import io.foothold.core.method.Localization;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.Sampling;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Whoever names the first wrong thought of a failed rollout, as a run sees it. Thread-safe. */
public interface Localizer {
    /** How a thought is chosen. */
    enum Mode {
        /** Uniform over the thoughts (RRPO). */
        RANDOM,
        /** The first that differs from the oracle solution. */
        ORACLE,
        /** Always the same one. */
        EARLY,
        /** A policy reads the numbered thoughts (SRPO). */
        SELF,
        /** A policy restates the claim of each thought. */
        SELF_RECOMPUTE,
        /** Another model reads them. */
        EXTERNAL
    }

    /**
     * How a policy is asked.
     *
     * @param template with placeholders
     * @param temperature 0 takes the likeliest token
     * @param maxTokens of an answer
     * @param claimTokens of a thought's claim
     */
    record Wording(String template, double temperature, int maxTokens, int claimTokens) {}

    /**
     * How thoughts are named in a run.
     *
     * @param earlyThought the thought of mode early
     * @param noise share of named thoughts that a thought drawn uniformly takes the place of
     * @param thoughtDelimiter text that ends a thought
     */
    record Manner(Mode mode, int earlyThought, double noise, String thoughtDelimiter, Wording wording) {
        /** The same with another way to choose. */
        public Manner with(Mode other) {
            return new Manner(other, earlyThought, noise, thoughtDelimiter, wording);
        }
    }

    /**
     * A failed rollout.
     *
     * @param withOracle whether the localizer sees the problem's oracle solution
     * @param seed of the draw
     * @param answers to the questions of an earlier attempt, in their order; empty at first
     * @param trace that it is part of; empty for none
     */
    record Work(
            SampledRollout rollout,
            Manner manner,
            Problem problem,
            boolean withOracle,
            long seed,
            List<SampledRollout> answers,
            String trace) {
        /** Copies the list of answers. */
        public Work {
            answers = List.copyOf(answers);
        }

        /** The same with the answers to its questions. */
        public Work with(List<SampledRollout> given) {
            return new Work(rollout, manner, problem, withOracle, seed, given, trace);
        }
    }

    /** What a localizer says. */
    sealed interface Answer {}

    /** What it found. */
    record Found(Localization localization) implements Answer {}

    /**
     * What the policy has to be asked first, one rollout from each start.
     *
     * @param sampling how they are drawn, in no conversation yet
     */
    record Questions(List<PromptedStart> starts, Sampling sampling) implements Answer {
        /** Copies. */
        public Questions {
            starts = List.copyOf(starts);
        }
    }

    /** Has the first wrong thought of a failed rollout named, or is told what the policy has to be asked first. */
    CompletableFuture<Answer> localize(Work work);
}
