package io.foothold.core.theory;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Signal per sampled token of a chain of independent steps that is judged at its end only: how much more a reset to the first
 * error tells than a rollout from the root.
 *
 * <p>A hard step succeeds with q, an easy one with qₑ. The signal of a step is E[(r − p)·score], so the squared signal to noise of
 * a rollout grows with P(1 − P) · (hard steps still ahead) · (n − 1)/n, where P is the success from its start and n the size of its
 * group. Exact expectation over the first error; averaged over the placements of the hard steps.
 *
 * @param steps steps of the chain, at least 1
 * @param hard hard steps, at least 1
 * @param zone how many of the last steps may be hard, {@code hard} to {@code steps}
 * @param easySuccess success of an easy step
 * @param tokensAStep tokens of a step
 * @param tokensOfAnswer tokens behind the last step
 */
public record ChainSignal(int steps, int hard, int zone, double easySuccess, int tokensAStep, int tokensOfAnswer) {
    private static final int MOST_PLACEMENTS = 200;

    /** Checks ranges. */
    public ChainSignal {
        if (hard < 1 || zone < hard || steps < zone) {
            throw new IllegalArgumentException(
                    "need 1 <= hard <= zone <= steps, got " + hard + ", " + zone + ", " + steps);
        }
        if (!(easySuccess > 0 && easySuccess <= 1)) {
            throw new IllegalArgumentException("easy_success must be in (0, 1], got " + easySuccess);
        }
    }

    /**
     * What resets are worth.
     *
     * @param rootSuccess P from the root
     * @param suffixSuccess mean success from the first error
     * @param suffixOnly information per token of 1×n resets without a base group, over that of GRPO
     * @param withBase the same of a base group of 4 and a suffix group of 4
     */
    public record Worth(double rootSuccess, double suffixSuccess, double suffixOnly, double withBase) {}

    /**
     * Compares with GRPO.
     *
     * @param success q of a hard step, in (0, 1)
     * @param suffixes members of the suffix group
     * @param grpoGroup members of GRPO's group
     */
    public Worth worth(double success, int suffixes, int grpoGroup) {
        if (!(success > 0 && success < 1)) {
            throw new IllegalArgumentException("the success of a hard step must be in (0, 1), got " + success);
        }
        double[] sum = new double[4];
        List<int[]> placements = placements();
        int stride = Math.max(1, placements.size() / MOST_PLACEMENTS);
        int n = 0;
        for (int i = 0; i < placements.size(); i += stride, n++) {
            Worth w = worth(placements.get(i), success, suffixes, grpoGroup);
            sum[0] += w.rootSuccess();
            sum[1] += w.suffixSuccess();
            sum[2] += w.suffixOnly();
            sum[3] += w.withBase();
        }
        return new Worth(sum[0] / n, sum[1] / n, sum[2] / n, sum[3] / n);
    }

    private Worth worth(int[] at, double success, int suffixes, int grpoGroup) {
        double[] q = new double[steps];
        Arrays.fill(q, easySuccess);
        for (int h : at) {
            q[h] = success;
        }
        double root = Arrays.stream(q).reduce(1, (a, b) -> a * b);
        int chain = tokensAStep * steps + tokensOfAnswer;
        double perToken = root * (1 - root) * hard / chain * (grpoGroup - 1) / grpoGroup;
        double signal = 0;
        double tokens = 0;
        double passed = 0;
        double failing = 0;
        double reach = 1;
        for (int h = 0; h < steps; h++) {
            double firstError = reach * (1 - q[h]);
            reach *= q[h];
            double from = 1;
            for (int k = h; k < steps; k++) {
                from *= q[k];
            }
            int first = h;
            long ahead = Arrays.stream(at).filter(p -> p >= first).count();
            signal += firstError * from * (1 - from) * ahead;
            tokens += firstError * (tokensAStep * (steps - h) + tokensOfAnswer);
            passed += firstError * from;
            failing += firstError;
        }
        signal /= failing;
        tokens /= failing;
        passed /= failing;
        // A seed is drawn until one failed; its localization costs a token a step.
        double seed = chain / (1 - root);
        double alone = suffixes * signal * (suffixes - 1) / suffixes / (suffixes * tokens + seed + steps);
        double baseSignal = 4 * root * (1 - root) * hard * 3 / 4;
        double found = 1 - Math.pow(root, 4);
        double both = (baseSignal + found * 4 * signal * 3 / 4) / (4 * chain + found * (4 * tokens + steps));
        return new Worth(root, passed, alone / perToken, both / perToken);
    }

    /** Every choice of hard steps, in lexical order. */
    private List<int[]> placements() {
        List<int[]> out = new ArrayList<>();
        choose(out, new int[hard], 0, steps - zone);
        return out;
    }

    private void choose(List<int[]> out, int[] chosen, int n, int from) {
        if (n == hard) {
            out.add(chosen.clone());
            return;
        }
        for (int p = from; p <= steps - (hard - n); p++) {
            chosen[n] = p;
            choose(out, chosen, n + 1, p + 1);
        }
    }
}
