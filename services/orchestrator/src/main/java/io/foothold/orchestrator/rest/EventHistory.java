package io.foothold.orchestrator.rest;

import io.foothold.orchestrator.event.EventBus;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.smallrye.mutiny.Multi;
import java.util.concurrent.atomic.AtomicLong;

/** The events of a run: the stored ones, then the live ones, each once; ends with the run. */
public final class EventHistory {
    private EventHistory() {}

    /** Follows a run from an event number on. */
    public static Multi<RunEvent> follow(LedgerStore ledger, EventBus bus, String runId, long from) {
        AtomicLong next = new AtomicLong(from);
        // A live event only says that there is something to read: what was missed in between is read with it.
        Multi<RunEvent> stored = Multi.createFrom().deferred(() -> Multi.createFrom()
                .iterable(ledger.events(runId, next.get()))
                .map(e -> new RunEvent(runId, e.number(), e.kind(), e.json())));
        return Multi.createBy()
                .concatenating()
                .streams(
                        stored,
                        bus.live()
                                .filter(e -> e.runId().equals(runId))
                                .onItem()
                                .transformToMultiAndConcatenate(e -> stored))
                .filter(e -> e.number() >= next.get())
                .onItem()
                .invoke(e -> next.set(e.number() + 1))
                .select()
                .first(new EndInclusive());
    }

    /** True up to and including the end of the run. */
    private static final class EndInclusive implements java.util.function.Predicate<RunEvent> {
        private boolean ended;

        @Override
        public boolean test(RunEvent event) {
            boolean before = !ended;
            ended = event.kind().equals("run_ended");
            return before;
        }
    }
}
