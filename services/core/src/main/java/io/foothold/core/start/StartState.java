package io.foothold.core.start;

/** Where rollouts begin. All members of a group share one. */
public sealed interface StartState {
    /** The problem that is being solved. */
    String problemId();

    /** The plain problem. */
    record Root(String problemId) implements StartState {}

    /**
     * A prompt that holds a prefix of the oracle solution (POPE, arXiv 2601.18779 §3).
     *
     * @param prefixThoughts oracle thoughts in the prompt; with 0 it is the root
     */
    record Guided(String problemId, int prefixThoughts) implements StartState {
        /** Refuses negative prefixes. */
        public Guided {
            if (prefixThoughts < 0) {
                throw new IllegalArgumentException("prefix of " + problemId + " is negative: " + prefixThoughts);
            }
        }
    }

    /**
     * The own prefix of an earlier rollout, as already generated response (RRPO/SRPO, arXiv 2605.25507).
     *
     * @param thought one-based number of the thought that is sampled again
     */
    record Reset(String problemId, String rolloutId, int thought) implements StartState {
        /** Thoughts count from 1. */
        public Reset {
            if (thought < 1) {
                throw new IllegalArgumentException("thoughts count from 1: " + thought);
            }
        }
    }

    /** A previous response and an instruction, both in the prompt (SCoRe, Critique-GRPO, localization). */
    record Revision(String problemId, String rolloutId, String instruction) implements StartState {}
}
