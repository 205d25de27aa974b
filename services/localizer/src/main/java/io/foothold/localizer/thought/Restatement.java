package io.foothold.localizer.thought;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Self-localization by restating claims: a thought ends with a claim of a few tokens and the token that closes it. The policy
 * is asked, thought by thought and all at once, for the claim that it would write after the rollout's own tokens before it; the
 * first claim that differs is the first error. One short request a thought; nothing restated is fed back.
 */
public final class Restatement {
    private final int[] response;
    private final List<Integer> ends;
    private final int claimTokens;

    /**
     * A restatement.
     *
     * @param response response tokens of the failed rollout
     * @param ends exclusive ends of its thoughts among them, ascending
     * @param claimTokens tokens of a claim, at least 1
     */
    public Restatement(int[] response, List<Integer> ends, int claimTokens) {
        if (claimTokens < 1) {
            throw new IllegalArgumentException("claim_tokens must be at least 1, got " + claimTokens);
        }
        int last = 0;
        for (int end : ends) {
            if (end <= last || end > response.length) {
                throw new IllegalArgumentException(
                        "thought ends must ascend within the " + response.length + " response tokens: " + ends);
            }
            last = end;
        }
        this.response = response.clone();
        this.ends = List.copyOf(ends);
        this.claimTokens = claimTokens;
    }

    /** The response tokens in front of each claim that is asked for, in the order of the thoughts. */
    public List<int[]> questions() {
        List<int[]> out = new ArrayList<>();
        for (int k = 0; k < wellFormed(); k++) {
            out.add(Arrays.copyOf(response, claim(k)));
        }
        return out;
    }

    /**
     * One-based number of the first thought whose claim differs, or that has no room for a claim; empty when none does.
     *
     * @param answers restated claims, one a question
     */
    public OptionalInt firstDisagreement(List<int[]> answers) {
        if (answers.size() != wellFormed()) {
            throw new IllegalArgumentException(answers.size() + " answers to " + wellFormed() + " questions");
        }
        for (int k = 0; k < answers.size(); k++) {
            int[] claim = Arrays.copyOfRange(response, claim(k), claim(k) + claimTokens);
            if (!Arrays.equals(claim, answers.get(k))) {
                return OptionalInt.of(k + 1);
            }
        }
        return wellFormed() < ends.size() ? OptionalInt.of(wellFormed() + 1) : OptionalInt.empty();
    }

    private int claim(int k) {
        return ends.get(k) - 1 - claimTokens;
    }

    /** Leading thoughts that are longer than claim and closing token. */
    private int wellFormed() {
        for (int k = 0; k < ends.size(); k++) {
            if (claim(k) <= (k == 0 ? 0 : ends.get(k - 1))) {
                return k;
            }
        }
        return ends.size();
    }
}
