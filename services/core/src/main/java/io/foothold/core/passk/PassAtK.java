package io.foothold.core.passk;

/**
 * pass@k from n samples of which c are right.
 *
 * <p>Value: ρ(n, c, k) = 1 − C(n−c, k) / C(n, k), unbiased for 1 − (1−p)^k (Chen et al. 2021, eq. 1).
 *
 * <p>Gradient: Σ w_i ∇log π(y_i) with w = k/n for a right sample and w = (k/n) ρ(n−1, c, k−1) for a wrong one is unbiased for
 * the gradient of pass@k (the weights that POPE's pass@k ablation uses; checked by enumeration in the tests).
 */
public final class PassAtK {
    private PassAtK() {}

    /** ρ(n, c, k), in [0, 1]. */
    public static double estimate(int n, int c, int k) {
        if (n < 0 || c < 0 || c > n || k < 0 || k > n) {
            throw new IllegalArgumentException("need 0 <= c <= n and 0 <= k <= n: n=" + n + " c=" + c + " k=" + k);
        }
        if (k == 0) {
            return 0;
        }
        if (n - c < k) {
            return 1;
        }
        double miss = 1;
        for (int i = n - c + 1; i <= n; i++) {
            miss *= 1 - (double) k / i;
        }
        return 1 - miss;
    }

    /** Gradient weight of one sample of a group of n with c right ones. */
    public static double weight(int n, int c, int k, boolean right) {
        if (k < 1 || k > n) {
            throw new IllegalArgumentException("need 1 <= k <= n: n=" + n + " k=" + k);
        }
        double share = (double) k / n;
        return right ? share : share * estimate(n - 1, c, k - 1);
    }
}
