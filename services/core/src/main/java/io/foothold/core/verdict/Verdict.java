package io.foothold.core.verdict;

/**
 * What a verifier says of a response.
 *
 * @param kind the decision
 * @param score in [0, 1]
 * @param candidate the answer that was taken from the response; empty when there was none
 * @param rule what found or compared it, or what went wrong
 */
public record Verdict(Kind kind, double score, String candidate, String rule) {

    /** The decisions. */
    public enum Kind {
        /** Right. */
        PASS(true),
        /** Wrong. */
        FAIL(true),
        /** No answer of the demanded form, or the policy's own text hit a limit. */
        UNPARSEABLE(true),
        /** We were too late. */
        TIMEOUT(false),
        /** We are broken, or the gold answer is. */
        VERIFIER_ERROR(false),
        /** The verifier declines to decide. */
        ABSTAIN(false);

        private final boolean judged;

        Kind(boolean judged) {
            this.judged = judged;
        }

        /** Whether it says something of the response; the others never enter a baseline. */
        public boolean judged() {
            return judged;
        }
    }

    /** Scores lie in [0, 1]. */
    public Verdict {
        if (!(score >= 0 && score <= 1)) {
            throw new IllegalArgumentException("score must be in [0, 1]: " + score);
        }
    }

    /** A right answer. */
    public static Verdict pass(String candidate, String rule) {
        return new Verdict(Kind.PASS, 1, candidate, rule);
    }

    /** A wrong answer. */
    public static Verdict fail(String candidate, String rule) {
        return new Verdict(Kind.FAIL, 0, candidate, rule);
    }

    /** No answer. */
    public static Verdict unparseable(String rule) {
        return new Verdict(Kind.UNPARSEABLE, 0, "", rule);
    }

    /** We were too late. */
    public static Verdict timeout(String why) {
        return new Verdict(Kind.TIMEOUT, 0, "", why);
    }

    /** Our fault. */
    public static Verdict verifierError(String why) {
        return new Verdict(Kind.VERIFIER_ERROR, 0, "", why);
    }
}
