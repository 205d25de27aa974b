package io.foothold.orchestrator.rest;

import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.smallrye.mutiny.Multi;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The events of a run: the stored ones, then the new ones, each once and in order; ends when the run is not under way and
 * everything was told. The ledger is what is read; a live event only says that there is something new, and a slow tick says so
 * too, so that a live event that nobody heard holds nothing back.
 */
public final class EventHistory {
    private static final Duration TICK = Duration.ofMillis(500);

    private static final Set<String> UNDER_WAY = Set.of("created", "queued", "running");

    private EventHistory() {}

    /** Follows a run from an event number on. */
    public static Multi<RunEvent> follow(Ledger ledger, EventBus bus, String runId, long from) {
        AtomicLong next = new AtomicLong(from);
        Multi<Object> looks = Multi.createBy()
                .merging()
                .streams(
                        Multi.createFrom().item((Object) runId),
                        bus.live().filter(e -> e.runId().equals(runId)).map(e -> (Object) e),
                        Multi.createFrom()
                                .ticks()
                                .every(TICK)
                                .onOverflow()
                                .drop()
                                .map(t -> (Object) t));
        return looks.onItem()
                .transformToMultiAndConcatenate(look -> Multi.createFrom().iterable(read(ledger, runId, next)))
                .select()
                .first(Optional::isPresent)
                .map(Optional::orElseThrow);
    }

    /** What is new; an empty element behind it when nothing more will come. */
    private static List<Optional<RunEvent>> read(Ledger ledger, String runId, AtomicLong next) {
        // The state first: a run's last event is stored before its state says that it is over.
        boolean running =
                ledger.run(runId).filter(r -> UNDER_WAY.contains(r.state())).isPresent();
        List<Optional<RunEvent>> out = new ArrayList<>();
        for (Ledger.EventRow row : ledger.events(runId, next.get())) {
            next.set(row.number() + 1);
            out.add(Optional.of(new RunEvent(runId, row.number(), row.kind(), row.json())));
        }
        if (!running) {
            out.add(Optional.empty());
        }
        return out;
    }
}
