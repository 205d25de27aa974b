package io.foothold.core.settings;

import java.util.List;
import java.util.stream.Stream;

/** What a run file names to judge responses in place of a verifier's rules, or to give one of several rewards. */
public sealed interface ScorerSettings permits RewardFunctionSettings, JudgeSettings, RewardModelSettings {
    /** Whether there is one. */
    boolean given();

    /** The key, below the mapping that it stands in, that says who it is. */
    String key();

    /** Whether a server is asked for every response, which a run may bound. */
    boolean asksServer();

    /** Those of one mapping of a run file that are given; more than one is refused with the file. */
    static List<ScorerSettings> given(RewardFunctionSettings function, JudgeSettings judge, RewardModelSettings model) {
        return Stream.<ScorerSettings>of(function, judge, model)
                .filter(ScorerSettings::given)
                .toList();
    }
}
