package io.foothold.orchestrator.outbox;

import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.metric.Metric;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.EventCursors;
import io.foothold.orchestrator.ledger.Ledger;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Brings stored events to a topic, each at least once and in order per run; what cannot be brought waits in the ledger, and nobody waits for
 * it. Has one thread. Of several processes with one ledger one does it at a time.
 */
public final class Outbox implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Outbox.class);
    /** Events of a run between two writes of how far it has come: so many are repeated after a crash at most. */
    private static final int MOST = 256;
    /** Runs whose events are under way at a time. */
    private static final int RUNS = 64;

    /**
     * How often.
     *
     * @param look between looks for events that nobody told of
     * @param again between attempts while the topic cannot be reached
     * @param lease how long the topic belongs to a process that nothing is heard of
     * @param last how long the events at the end are waited for
     */
    public record Pace(Duration look, Duration again, Duration lease, Duration last) {
        /** What is right for a service. */
        public static Pace standard() {
            return new Pace(
                    Duration.ofSeconds(1), Duration.ofSeconds(2), Duration.ofSeconds(30), Duration.ofSeconds(5));
        }
    }

    private final EventCursors cursors;
    private final EventTopic topic;
    private final boolean shared;
    private final Pace pace;
    private final InstantSource clock;
    private final Counter published;
    private final String owner = UUID.randomUUID().toString();
    private final Semaphore news = new Semaphore(0);
    private final Thread thread;
    private volatile long waiting;
    private volatile boolean closing;
    /** Why nothing arrives; null while it does. */
    private volatile @Nullable FootholdException away;

    private long ownUntil;

    /**
     * Begins at once with what waits.
     *
     * @param shared whether other processes may have the same ledger
     */
    public Outbox(
            EventCursors cursors,
            EventTopic topic,
            boolean shared,
            Pace pace,
            InstantSource clock,
            MeterRegistry metrics) {
        this.cursors = cursors;
        this.topic = topic;
        this.shared = shared;
        this.pace = pace;
        this.clock = clock;
        this.published = Metric.EVENTS_PUBLISHED.counter(metrics, topic.kind());
        Metric.EVENTS_WAITING.gauge(metrics, this, o -> o.waiting, topic.kind());
        this.thread =
                Thread.ofPlatform().daemon().name("outbox-" + topic.kind()).start(this::work);
    }

    /** There is a new event. Does not wait. */
    public void tell() {
        if (news.availablePermits() == 0) {
            news.release();
        }
    }

    private void work() {
        try {
            boolean more = true;
            while (more || !closing) {
                more = attempt();
                if (!more && !closing) {
                    await(away == null ? pace.look() : pace.again());
                }
            }
            if (shared) {
                Ledger.await(cursors.release(topic.name(), owner));
            }
        } catch (InterruptedException e) {
            LOG.debugf("the outbox was interrupted: %s", e);
        } catch (RuntimeException e) {
            // It ends with the ledger.
            LOG.debugf(e, "the outbox ends");
        }
    }

    /** Gives whether there may be more at once. */
    private boolean attempt() {
        try {
            boolean more = pass();
            found();
            return more;
        } catch (FootholdException e) {
            lost(e);
        } catch (RuntimeException e) {
            LOG.errorf(e, "a defect in the outbox");
            lost(FootholdException.of(e));
        }
        return false;
    }

    private void await(Duration most) throws InterruptedException {
        if (away == null) {
            var unused = news.tryAcquire(most.toMillis(), TimeUnit.MILLISECONDS);
            news.drainPermits();
        } else {
            // News do not bring it back sooner.
            Thread.sleep(most);
        }
    }

    private boolean pass() {
        List<EventCursors.Waiting> runs = cursors.waiting(topic.name());
        waiting = runs.stream().mapToLong(EventCursors.Waiting::events).sum();
        if (runs.isEmpty() || !own()) {
            return false;
        }
        Map<String, Long> reached = new HashMap<>();
        try {
            return bring(runs, reached);
        } finally {
            if (!reached.isEmpty()) {
                Ledger.await(cursors.reached(topic.name(), reached));
            }
        }
    }

    private boolean own() {
        if (!shared) {
            return true;
        }
        long now = clock.millis();
        if (now + pace.lease().toMillis() / 2 < ownUntil) {
            return true;
        }
        long until = now + pace.lease().toMillis();
        CompletableFuture<Boolean> claimed = cursors.claim(topic.name(), owner, now, until);
        Ledger.await(claimed.thenAccept(own -> {}));
        boolean own = claimed.join();
        ownUntil = own ? until : 0;
        return own;
    }

    private boolean bring(List<EventCursors.Waiting> runs, Map<String, Long> reached) {
        Map<String, Queue<RunEvent>> next = new LinkedHashMap<>();
        boolean more = runs.size() > RUNS;
        for (EventCursors.Waiting run : runs.subList(0, Math.min(RUNS, runs.size()))) {
            Queue<RunEvent> events = new ArrayDeque<>();
            cursors.next(run.runId(), run.reached(), MOST)
                    .forEach(row -> events.add(new RunEvent(run.runId(), row.number(), row.kind(), row.json())));
            more |= run.events() > events.size();
            next.put(run.runId(), events);
        }
        FootholdException failed = null;
        while (!next.isEmpty()) {
            FootholdException failure = round(next, reached);
            failed = failure == null ? failed : failure;
            next.values().removeIf(Queue::isEmpty);
            if (!own()) {
                return false;
            }
        }
        if (failed != null) {
            throw failed;
        }
        return more;
    }

    /** The next event of every run, and no other before it has arrived; a run whose event does not arrive is left for a later pass. */
    private @Nullable FootholdException round(Map<String, Queue<RunEvent>> next, Map<String, Long> reached) {
        Map<RunEvent, CompletableFuture<Void>> sent = new LinkedHashMap<>();
        for (Queue<RunEvent> events : next.values()) {
            CompletableFuture<Void> one = topic.send(events.element());
            sent.put(events.element(), one);
            if (one.isCompletedExceptionally()) {
                // Each of the others would wait as long for the same.
                next.keySet()
                        .retainAll(sent.keySet().stream().map(RunEvent::runId).toList());
                break;
            }
        }
        FootholdException failed = null;
        for (Map.Entry<RunEvent, CompletableFuture<Void>> one : sent.entrySet()) {
            RunEvent event = one.getKey();
            try {
                Ledger.await(one.getValue());
                Objects.requireNonNull(next.get(event.runId())).remove();
                reached.put(event.runId(), event.number());
                published.increment();
                waiting--;
            } catch (FootholdException e) {
                failed = e;
                next.remove(event.runId());
            }
        }
        return failed;
    }

    private void lost(FootholdException why) {
        FootholdException before = away;
        away = why;
        if (!closing && (before == null || before.code() != why.code())) {
            LOG.warnf("events of runs for %s wait in the ledger, and runs go on: %s", topic.kind(), why.text());
        }
    }

    private void found() {
        if (away != null) {
            LOG.infof("events of runs reach %s again", topic.kind());
            away = null;
        }
    }

    /** Brings what waits unless the topic is away; what does not arrive in time waits for the next process. */
    @Override
    public void close() {
        closing = true;
        tell();
        try {
            if (away == null) {
                thread.join(pace.last());
            }
            thread.interrupt();
            thread.join(pace.last());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        topic.close();
    }
}
