package io.foothold.orchestrator.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.search.PrefixControl;
import io.foothold.core.search.PrefixSearch;
import io.foothold.core.settings.GuidanceSettings;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.rollout.PromptedStart;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * How long the prefixes of guided starts are, update by update: as they were searched, or moved by {@link PrefixControl}. What an update's
 * groups reached is written down before the update is admitted, and lengths follow from that alone: a run that goes on has those of one
 * that was never interrupted. The starts of update u follow from updates up to u - 1 - S, with {@code staleness: S}; where places were lost,
 * and the starts of an update are drawn early, from those that there are. Thread-safe.
 */
final class PrefixLengths {
    private final RunSpec spec;
    private final Ledger ledger;
    private final Selection searched;
    private final GuidanceSettings settings;
    private final PrefixControl control;
    private final Map<String, Integer> longest = new LinkedHashMap<>();
    /** By problem, after the update that is the key. */
    private final TreeMap<Long, Map<String, Double>> lengths = new TreeMap<>();

    /**
     * Lengths as they are after an update.
     *
     * @param searched what start states are drawn from, with the prefixes that were searched
     * @param update the last one that was made; what its groups reached, and those before it, is read from the ledger
     */
    PrefixLengths(RunSpec spec, Ledger ledger, Selection searched, List<Problem> problems, long update) {
        this.spec = spec;
        this.ledger = ledger;
        this.searched = searched;
        this.settings = spec.settings().guidance();
        this.control = new PrefixControl(
                settings.adapt(),
                settings.target(),
                settings.gain(),
                spec.settings().prefixSearch().minPasses());
        PrefixSearch.Mode mode = spec.settings().prefixSearch().mode();
        problems.forEach(p -> longest.put(
                p.id(), PrefixSearch.longestAsked(mode, p.oracleThoughts().size(), p.longestPrefix())));
        Map<String, Double> first = new LinkedHashMap<>();
        searched.prefixes().forEach((id, thoughts) -> first.put(id, (double) thoughts));
        lengths.put(0L, first);
        if (moves()) {
            for (long done = 1; done <= update; done++) {
                take(done, stored(done));
            }
        }
    }

    private boolean moves() {
        return spec.guided() && control.rule() != PrefixControl.Rule.FIXED;
    }

    /** What the start states of an update are drawn from. */
    synchronized Selection at(long update) {
        if (!spec.guided() || !settings.adapts()) {
            return searched;
        }
        boolean withdrawn = settings.withdrawAfter() > 0 && update > settings.withdrawAfter();
        Map<String, Integer> prefixes = new LinkedHashMap<>();
        Objects.requireNonNull(lengths.floorEntry(Math.max(lengths.firstKey(), update - 1 - spec.staleness())))
                .getValue()
                .forEach((id, length) -> prefixes.put(id, withdrawn ? 0 : PrefixControl.thoughts(length)));
        return new Selection(searched.problemIds(), prefixes);
    }

    /**
     * Takes what the groups of an update reached. Blocks until it is written: behind it the update may be admitted.
     *
     * @throws FootholdException when it could not be written
     */
    void reached(long update, List<FilledPlace> places) {
        if (!moves()) {
            return;
        }
        List<PrefixControl.Reached> reached = places.stream()
                .flatMap(p -> p.groups().stream())
                .filter(g -> moving(g.start()))
                .map(g -> new PrefixControl.Reached(
                        g.start().problemId(),
                        g.start().prefixThoughts(),
                        g.passes(),
                        g.members().size()))
                .toList();
        Ledger.await(ledger.savePreparation(spec.runId(), name(update), text(reached)));
        take(update, reached);
    }

    private static boolean moving(PromptedStart start) {
        return start.origin() instanceof StartState.Root || start.origin() instanceof StartState.Guided;
    }

    private synchronized void take(long update, List<PrefixControl.Reached> reached) {
        lengths.put(update, control.after(latest(), longest, reached));
        lengths.headMap(update - 1 - spec.staleness()).clear();
    }

    private Map<String, Double> latest() {
        return Objects.requireNonNull(lengths.lastEntry()).getValue();
    }

    private static String name(long update) {
        return "reached/" + update;
    }

    private List<PrefixControl.Reached> stored(long update) {
        String text = ledger.preparation(spec.runId(), name(update))
                .orElseThrow(() -> new FootholdException(
                        ErrorCode.INVALID_DATA,
                        "the ledger does not hold what the groups of update " + update
                                + " reached, from which guidance.adapt goes on"));
        try {
            List<PrefixControl.Reached> out = new ArrayList<>();
            for (JsonNode g : new ObjectMapper().readTree(text)) {
                out.add(new PrefixControl.Reached(
                        g.get(0).asText(),
                        g.get(1).asInt(),
                        g.get(2).asInt(),
                        g.get(3).asInt()));
            }
            return out;
        } catch (JsonProcessingException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, "what the groups of update " + update + " reached cannot be read", e);
        }
    }

    private static String text(List<PrefixControl.Reached> reached) {
        ArrayNode json = new ObjectMapper().createArrayNode();
        reached.forEach(r -> json.addArray()
                .add(r.problemId())
                .add(r.thoughts())
                .add(r.passes())
                .add(r.rollouts()));
        return json.toString();
    }
}
