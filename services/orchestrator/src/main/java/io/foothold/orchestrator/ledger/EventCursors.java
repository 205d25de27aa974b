package io.foothold.orchestrator.ledger;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What of the stored events has come to a topic, and what waits. Reads fail at once when the database is away, with
 * {@link io.foothold.contracts.error.ErrorCode#PEER_UNAVAILABLE}. Thread-safe.
 */
public final class EventCursors {
    /**
     * A run with events that wait.
     *
     * @param reached number of the last event that has come to the topic, 0 for none
     * @param last number of its last event
     */
    public record Waiting(String runId, long reached, long last) {
        /** How many wait. */
        public long events() {
            return last - reached;
        }
    }

    private final GroupCommit database;

    EventCursors(GroupCommit database) {
        this.database = database;
    }

    /** Runs with events that have not come to a topic, by their id. */
    public List<Waiting> waiting(String topic) {
        return database.query(c -> Sql.rows(
                c,
                r -> new Waiting(r.getString(1), r.getLong(2), r.getLong(3)),
                "select r.id, coalesce(k.number, 0), (select max(m.number) from event m where m.run_id = r.id)"
                        + " from run r left join event_cursor k on k.run_id = r.id and k.topic = ?"
                        + " where exists (select 1 from event e where e.run_id = r.id"
                        + " and e.number > coalesce(k.number, 0)) order by r.id",
                topic));
    }

    /** The next events of a run behind a number, in order. */
    public List<Ledger.EventRow> next(String runId, long reached, int most) {
        return database.query(c -> Sql.rows(
                c,
                r -> new Ledger.EventRow(r.getLong(1), r.getString(2), r.getString(3)),
                "select number, kind, json from event where run_id = ? and number > ? order by number limit ?",
                runId,
                reached,
                most));
    }

    /** The events of runs up to these numbers have come to the topic; one that is behind what is stored changes nothing. */
    public CompletableFuture<Void> reached(String topic, Map<String, Long> numbers) {
        Map<String, Long> copy = Map.copyOf(numbers);
        return database.submit(null, c -> {
            for (Map.Entry<String, Long> at : copy.entrySet()) {
                reached(c, topic, at.getKey(), at.getValue());
            }
        });
    }

    private static void reached(Connection c, String topic, String runId, long number) throws SQLException {
        if (Sql.one(c, "select number from event_cursor where topic = ? and run_id = ?", topic, runId) == null) {
            Sql.execute(c, "insert into event_cursor (topic, run_id, number) values (?, ?, 0)", topic, runId);
        }
        Sql.execute(
                c,
                "update event_cursor set number = ? where topic = ? and run_id = ? and number < ?",
                number,
                topic,
                runId,
                number);
    }

    /**
     * Takes it on to bring events to a topic, for a while; false as long as another process has. Times are of each process's own clock: where
     * these differ, two may do it at a time, which doubles events and harms nothing else.
     *
     * @param now milliseconds since the epoch
     * @param until when it ends, the same
     */
    public CompletableFuture<Boolean> claim(String topic, String owner, long now, long until) {
        AtomicBoolean own = new AtomicBoolean();
        return database.submit(null, c -> own.set(claim(c, topic, owner, now, until)))
                .thenApply(done -> own.get());
    }

    private static boolean claim(Connection c, String topic, String owner, long now, long until) throws SQLException {
        if (Sql.one(c, "select owner from event_publisher where topic = ?", topic) == null) {
            // Of two that come first at the same time one is refused, and asks again.
            Sql.execute(
                    c, "insert into event_publisher (topic, owner, until_millis) values (?, ?, ?)", topic, owner, 0L);
        }
        return Sql.execute(
                        c,
                        "update event_publisher set owner = ?, until_millis = ?"
                                + " where topic = ? and (owner = ? or until_millis < ?)",
                        owner,
                        until,
                        topic,
                        owner,
                        now)
                > 0;
    }

    /** Leaves it to others. */
    public CompletableFuture<Void> release(String topic, String owner) {
        return database.submit(
                null,
                c -> Sql.execute(
                        c, "update event_publisher set until_millis = 0 where topic = ? and owner = ?", topic, owner));
    }
}
