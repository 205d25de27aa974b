package io.foothold.orchestrator.run;

import io.foothold.core.reset.LocalizationStatistics;
import java.util.List;

/**
 * What resets a place made; all empty without any.
 *
 * @param draws fresh rollouts
 * @param drawsPassed those of them that passed
 * @param continued what is known of each suffix group's reset
 * @param suffixTokens tokens of the suffix groups
 * @param dropped why suffix groups are missing
 * @param times how long it took
 */
record PlaceResets(
        int draws,
        int drawsPassed,
        List<Continuation> continued,
        int suffixTokens,
        List<String> dropped,
        ResetTimes times) {
    List<LocalizationStatistics.Outcome> outcomes() {
        return continued.stream().map(Continuation::outcome).toList();
    }
}
