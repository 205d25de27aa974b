package io.foothold.orchestrator.explain;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.orchestrator.ledger.LedgerLookup;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A rollout, and why it counted as it did.
 *
 * @param row what the ledger has
 * @param advantage that it was trained with; null where it was not
 * @param said what the run's completions have: prompt, response, verdict and its rule; null where they have nothing of it
 * @param group the rollouts that it is compared with, itself among them
 * @param reset the seed whose thought was named, with its suffixes, where it or its group comes of one; null otherwise
 * @param why in words, a sentence each
 */
public record RolloutStory(
        LedgerLookup.Row row,
        @Nullable Double advantage,
        @Nullable JsonNode said,
        List<Compared> group,
        @Nullable JsonNode reset,
        List<String> why) {
    /**
     * A rollout of the group.
     *
     * @param advantage that it was trained with; null where it was not
     */
    public record Compared(LedgerLookup.Row row, @Nullable Double advantage) {}
}
