package io.foothold.core.method;

/** How a rollout ended that is not trained. */
public sealed interface End {
    /** The rollout. */
    Rollout rollout();

    /** What it served, or why it was given up. */
    String reason();

    /** It served something else than training. */
    record Consumed(Rollout rollout, String reason) implements End {}

    /** It was given up. */
    record Dropped(Rollout rollout, String reason) implements End {}
}
