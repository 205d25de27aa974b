package io.foothold.core.reset;

import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;

/**
 * How good localizations were, and what came of the resets (arXiv 2605.25507). The suffix statistics need no oracle; all
 * others count only localizations whose first error is known.
 */
public final class LocalizationStatistics {

    /**
     * One localization and its suffix group.
     *
     * @param step the thought that was sampled again, one-based
     * @param firstError the first wrong thought, where the task can tell
     * @param effectiveDeviation signed number of thoughts of at least 5 words between the two; 0 without {@code firstError}
     * @param suffixes size of the suffix group
     * @param passes members of it that passed
     */
    public record Outcome(int step, OptionalInt firstError, int effectiveDeviation, int suffixes, int passes) {
        /** Whether no wrong thought is kept: the reset is at or before the first error. */
        public boolean clean() {
            return firstError.isPresent() && step <= firstError.getAsInt();
        }
    }

    private LocalizationStatistics() {}

    /** The words that a thought needs to count as a step of its own. */
    public static final int EFFECTIVE_WORDS = 5;

    /**
     * Signed number of effective thoughts from one step to another: those of at least {@link #EFFECTIVE_WORDS} words behind the
     * earlier one, up to and with the later one.
     *
     * @param thoughts texts of the thoughts
     */
    public static int effectiveDeviation(List<String> thoughts, int step, int firstError) {
        int low = Math.min(step, firstError);
        int high = Math.min(Math.max(step, firstError), thoughts.size());
        int between = 0;
        for (int i = low; i < high; i++) {
            String text = thoughts.get(i).strip();
            between += !text.isEmpty() && text.split("\\s+").length >= EFFECTIVE_WORDS ? 1 : 0;
        }
        return step < firstError ? -between : between;
    }

    /**
     * Named numbers: {@code localizations}, {@code suffix_pass_rate} and {@code suffix_pass@k} (share of groups with a passing
     * member); where first errors are known {@code localization_exact}, {@code localization_clean} and both suffix numbers for
     * clean and dirty prefixes apart.
     */
    public static Map<String, Double> of(List<Outcome> outcomes) {
        Map<String, Double> out = new TreeMap<>();
        out.put("localizations", (double) outcomes.size());
        suffixes(out, "suffix", outcomes);
        List<Outcome> known =
                outcomes.stream().filter(o -> o.firstError().isPresent()).toList();
        if (!known.isEmpty()) {
            out.put(
                    "localization_exact",
                    share(known, o -> o.step() == o.firstError().getAsInt()));
            out.put("localization_clean", share(known, Outcome::clean));
            suffixes(out, "clean_suffix", known.stream().filter(Outcome::clean).toList());
            suffixes(out, "dirty_suffix", known.stream().filter(o -> !o.clean()).toList());
        }
        return out;
    }

    private static void suffixes(Map<String, Double> out, String name, List<Outcome> outcomes) {
        int members = outcomes.stream().mapToInt(Outcome::suffixes).sum();
        if (members > 0) {
            out.put(
                    name + "_pass_rate",
                    outcomes.stream().mapToInt(Outcome::passes).sum() / (double) members);
            out.put(name + "_pass@k", share(outcomes, o -> o.passes() > 0));
        }
    }

    private static double share(List<Outcome> outcomes, java.util.function.Predicate<Outcome> what) {
        return outcomes.stream().filter(what).count() / (double) outcomes.size();
    }

    /**
     * Localizations by deviation from the first error, in thoughts; negative is early.
     *
     * @param effective whether only thoughts of at least 5 words count
     */
    public static Map<Integer, Integer> deviations(List<Outcome> outcomes, boolean effective) {
        Map<Integer, Integer> out = new TreeMap<>();
        for (Outcome o : outcomes) {
            if (o.firstError().isPresent()) {
                int deviation = effective
                        ? o.effectiveDeviation()
                        : o.step() - o.firstError().getAsInt();
                out.merge(deviation, 1, Integer::sum);
            }
        }
        return out;
    }
}
