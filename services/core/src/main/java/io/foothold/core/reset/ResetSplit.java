package io.foothold.core.reset;

/**
 * What one problem's rollouts are spent on (arXiv 2605.25507). The paper's 1×4 is a base group of 4 and one seed with 4
 * suffixes; 2×4 is two seeds with 4 suffixes each, 1×8 one seed with 8, both without a base group.
 *
 * @param baseRollouts size of the base group; 0 for none
 * @param seeds failed rollouts that are reset, each a suffix group of its own
 * @param suffixes size of a suffix group
 * @param mostDraws fresh rollouts after which no further one is drawn to find a seed
 * @param rule how seeds and base group share the fresh rollouts
 * @param withoutSeeds what is trained when fewer seeds than asked for were found
 */
public record ResetSplit(
        int baseRollouts, int seeds, int suffixes, int mostDraws, SeedRule rule, WithoutSeeds withoutSeeds) {

    /** How seeds and base group share the fresh rollouts. */
    public enum SeedRule {
        /** The base group is the first draws, independent of what they are; seeds are the first failures and stay in it. */
        PAPER,
        /**
         * The first failures are seeds and leave the base group, which the others fill: the authors' code. The base group is
         * biased upwards.
         */
        REFERENCE
    }

    /** What is trained when fewer seeds than asked for were found. */
    public enum WithoutSeeds {
        /** One plain group of as many fresh rollouts as base and suffix groups would have had: the authors' code. */
        PLAIN,
        /** One plain group of the fresh rollouts that were drawn; no further one is sampled. */
        DRAWN
    }

    /** Checks ranges. */
    public ResetSplit {
        if (baseRollouts < 0 || seeds < 1 || suffixes < 1) {
            throw new IllegalArgumentException(
                    "a split needs base_rollouts of at least 0, seeds and suffixes of at least 1: " + baseRollouts
                            + ", " + seeds + ", " + suffixes);
        }
        if (mostDraws < firstDraws(baseRollouts, seeds, rule)) {
            throw new IllegalArgumentException(
                    "the split does not fit its draws: " + mostDraws + " draws for a base group of " + baseRollouts
                            + " and " + seeds + " seeds (at least " + firstDraws(baseRollouts, seeds, rule) + ")");
        }
    }

    /** Rollouts that a problem trains when everything is found. */
    public int trained() {
        return baseRollouts + seeds * suffixes;
    }

    int firstDraws() {
        return firstDraws(baseRollouts, seeds, rule);
    }

    private static int firstDraws(int base, int seeds, SeedRule rule) {
        return rule == SeedRule.PAPER ? Math.max(base, seeds) : base + seeds;
    }
}
