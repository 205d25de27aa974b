package io.foothold.core.start;

/** Where rollouts begin. All members of a group share one. */
public sealed interface StartState {
    /** The problem that is being solved. */
    String problemId();

    /** Tokens of the response that are given: never sampled in a rollout from here, never trained. */
    default int givenTokens() {
        return 0;
    }

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
     * @param thought one-based number of the thought that is sampled again; 0 when it begins elsewhere than at a thought
     * @param givenTokens tokens of that rollout's response that are kept
     */
    record Reset(String problemId, String rolloutId, int thought, int givenTokens) implements StartState {
        /** Thoughts count from 1. */
        public Reset {
            if (thought < 0 || givenTokens < 0) {
                throw new IllegalArgumentException("a reset of rollout " + rolloutId + " to thought " + thought
                        + " that keeps " + givenTokens + " tokens");
            }
        }
    }

    /**
     * A previous response and an instruction, both in the prompt (SCoRe, Critique-GRPO, localization).
     *
     * @param instruction the prompt, with {problem} and {response} where those stand
     */
    record Revision(String problemId, String rolloutId, String instruction) implements StartState {}
}
