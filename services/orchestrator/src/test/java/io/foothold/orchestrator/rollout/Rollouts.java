package io.foothold.orchestrator.rollout;

import java.util.List;

/** Rollouts for tests. */
public final class Rollouts {
    private Rollouts() {}

    /** One of a single sampled token. */
    public static SampledRollout named(String id) {
        return new SampledRollout(
                id,
                "",
                List.of(),
                List.of(),
                new SampledRollout.Tokens(List.of(3), List.of(-1f), List.of(0L), "", FinishReason.STOP),
                new SampledRollout.Response("", List.of(), List.of(), false));
    }
}
