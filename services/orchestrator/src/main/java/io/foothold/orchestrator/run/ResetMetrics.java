package io.foothold.orchestrator.run;

import io.foothold.core.reset.LocalizationStatistics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * What an update's resets were like.
 *
 * @param numbers by name, for curves
 * @param outcomes of every localization
 */
record ResetMetrics(Map<String, Double> numbers, List<LocalizationStatistics.Outcome> outcomes) {

    static ResetMetrics of(List<FilledPlace> units) {
        List<LocalizationStatistics.Outcome> outcomes =
                units.stream().flatMap(u -> u.resets().outcomes().stream()).toList();
        Map<String, Double> out = new LinkedHashMap<>(LocalizationStatistics.of(outcomes));
        double draws = units.stream().mapToInt(u -> u.resets().draws()).sum();
        out.put("draws", draws);
        if (draws > 0) {
            out.put(
                    "draw_pass_rate",
                    units.stream().mapToInt(u -> u.resets().drawsPassed()).sum() / draws);
        }
        double suffixes = outcomes.stream()
                .mapToInt(LocalizationStatistics.Outcome::suffixes)
                .sum();
        if (suffixes > 0) {
            out.put(
                    "suffix_tokens_mean",
                    units.stream().mapToInt(u -> u.resets().suffixTokens()).sum() / suffixes);
        }
        List<ResetTimes> times = units.stream()
                .filter(u -> !u.resets().continued().isEmpty())
                .map(u -> u.resets().times())
                .toList();
        if (!times.isEmpty()) {
            out.put("draw_seconds", mean(times, ResetTimes::draw));
            out.put("localize_seconds", mean(times, ResetTimes::localize));
            out.put("suffix_seconds", mean(times, ResetTimes::suffixes));
            out.put("reset_chains", mean(times, ResetTimes::chains));
        }
        return new ResetMetrics(out, outcomes);
    }

    private static double mean(List<ResetTimes> times, ToDoubleFunction<ResetTimes> what) {
        return times.stream().mapToDouble(what).average().orElseThrow();
    }

    /** The numbers and the histograms of deviations, by name. */
    Map<String, Object> details() {
        Map<String, Object> out = new LinkedHashMap<>(numbers);
        out.put("localization_deviation", LocalizationStatistics.deviations(outcomes, false));
        out.put("localization_effective_deviation", LocalizationStatistics.deviations(outcomes, true));
        return out;
    }
}
