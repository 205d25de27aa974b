package io.foothold.core.settings;

/** What a run file names to judge responses in place of a verifier's rules, or to give one of several rewards. */
public sealed interface ScorerSettings permits RewardFunctionSettings, JudgeSettings, RewardModelSettings {
    /** Whether there is one. */
    boolean given();

    /** The key, below the mapping that it stands in, that says who it is. */
    String key();

    /** Whether a server is asked for every response, which a run may bound. */
    boolean asksServer();
}
