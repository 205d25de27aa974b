package io.foothold.core.theory;

import io.foothold.core.random.Seeds;
import java.util.SplittableRandom;

/**
 * Conservative policy iteration with random resets (CPI-RR) and with a credit-assignment oracle (CPI-CARO), on a tabular MDP that
 * has the share p of improvable states as a parameter (arXiv 2605.25507, Theorem 1).
 *
 * <p>An episode has H states; each is improvable with probability p, on its own. The policy always takes the habit. Deviating
 * once, with the right one of the other actions, gains τ at an improvable state and nothing elsewhere. A second deviation in the
 * same episode costs R: the quadratic price of moving away from the distribution that advantages were estimated on. Policies
 * cannot see whether a state is improvable; only the oracle can.
 *
 * @param horizon H, at least 1
 * @param actions deviations to choose from, at least 2
 * @param gain τ, in (0, reward)
 * @param reward R
 */
public record PolicyIteration(int horizon, int actions, double gain, double reward) {
    private static final double SURE = 0.9;

    /** Checks ranges. */
    public PolicyIteration {
        if (horizon < 1 || actions < 2 || !(gain > 0) || !(gain < reward)) {
            throw new IllegalArgumentException("need horizon >= 1, actions >= 2, 0 < gain < reward, got " + horizon
                    + ", " + actions + ", " + gain + ", " + reward);
        }
    }

    /** Mean advantage of the right deviation at the states that are reset to. */
    double advantage(double p, boolean oracle) {
        check(p);
        return oracle ? gain : p * gain;
    }

    /**
     * Measured samples of one iteration: continuations for each action until the right deviation has the highest mean in at
     * least 90 % of the trials. A continuation returns 0 or R, in the mean R/2 and the advantage. States that the oracle
     * rejects cost nothing here, as in the theorem; finding one by rejection costs 1/p draws.
     *
     * @param trials repetitions of each count
     */
    public double samples(double p, boolean oracle, int trials, Seeds seed) {
        double success = 0.5 + advantage(p, oracle) / reward;
        SplittableRandom random = seed.generator();
        long n = 1;
        while (!enough(n, success, trials, random)) {
            n *= 2;
        }
        long low = n / 2;
        long high = n;
        while (high - low > Math.max(1, high / 50)) {
            long middle = (low + high) / 2;
            if (enough(middle, success, trials, random)) {
                high = middle;
            } else {
                low = middle;
            }
        }
        return (double) high * actions;
    }

    private boolean enough(long n, double success, int trials, SplittableRandom random) {
        int right = 0;
        for (int t = 0; t < trials; t++) {
            double best = mean(n, success, random);
            boolean highest = true;
            for (int a = 1; a < actions && highest; a++) {
                highest = mean(n, 0.5, random) < best;
            }
            right += highest ? 1 : 0;
        }
        return right >= SURE * trials;
    }

    /** Mean of n coins; beyond a few hundred their sum is taken as normal. */
    private static double mean(long n, double success, SplittableRandom random) {
        if (n > 400) {
            return success + Math.sqrt(success * (1 - success) / n) * random.nextGaussian();
        }
        int heads = 0;
        for (long i = 0; i < n; i++) {
            heads += random.nextDouble() < success ? 1 : 0;
        }
        return heads / (double) n;
    }

    /**
     * Exact improvement of one iteration with the right deviation: the policy becomes (1 − α)·habit + α·deviation, everywhere or,
     * with the oracle, at improvable states only, with CPI's step α = advantage / (2 H R).
     */
    public double improvement(double p, boolean oracle) {
        return value(p, oracle, advantage(p, oracle) / (2 * horizon * reward));
    }

    /** Expected return of a mixture over that of the habit; exact, by recursion over states and deviations so far. */
    double value(double p, boolean oracle, double alpha) {
        check(p);
        double deviate = oracle ? alpha * p : alpha;
        double gainOfOne = oracle ? gain : p * gain;
        double none = 0;
        double some = 0;
        for (int h = 0; h < horizon; h++) {
            double before = some;
            some = deviate * (-reward + before) + (1 - deviate) * before;
            none = deviate * (gainOfOne + before) + (1 - deviate) * none;
        }
        return none;
    }

    private static void check(double p) {
        if (!(p > 0 && p <= 1)) {
            throw new IllegalArgumentException("p must be in (0, 1], got " + p);
        }
    }
}
