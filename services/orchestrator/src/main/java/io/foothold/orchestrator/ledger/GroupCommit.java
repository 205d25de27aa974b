package io.foothold.orchestrator.ledger;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.metric.OpenWork;
import io.foothold.orchestrator.remote.Patience;
import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.remote.WaitClock;
import io.foothold.orchestrator.remote.Waits;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import javax.sql.DataSource;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Writes and reads of a database. Writes are handed to one thread, which commits whatever has gathered in one transaction: every future
 * completes after its commit. Where the database is another process, a transaction whose connection is lost is tried again, and takes effect
 * once also when it was the answer to its commit that was lost. Thread-safe.
 */
final class GroupCommit implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(GroupCommit.class);
    private static final int LARGEST_COMMIT = 512;
    private static final Duration LAST_COMMITS = Duration.ofSeconds(15);

    /** One write; all of its statements take effect or none. */
    interface Write {
        void run(Connection connection) throws SQLException;
    }

    /** One read. */
    interface Query<T extends @Nullable Object> {
        T run(Connection connection) throws SQLException;
    }

    private record Queued(@Nullable Lease lease, Write write, CompletableFuture<Void> done) {}

    /** Of several writes one is refused: each has to be tried alone. */
    private static final class OneOfMany extends RuntimeException {
        private static final long serialVersionUID = 1L;

        OneOfMany(Throwable cause) {
            super(cause);
        }
    }

    private final DataSource source;
    private final Optional<Path> directory;
    private final Optional<Away> away;
    private final CommitMark mark = new CommitMark();
    private final LinkedBlockingQueue<Queued> queue = new LinkedBlockingQueue<>();
    private final OpenWork open = new OpenWork();
    private final Thread writer;
    private volatile boolean stopping;
    private long number;

    /**
     * What to do when the database is away.
     *
     * @param database what it is called in messages
     * @param patience how long to try again, by which clock
     * @param closing ends the trying
     */
    record Away(String database, Patience patience, StopSignal closing) {
        /** Tries again for so long. */
        Away(String database, Duration limit, WaitClock clock) {
            this(database, limit, new StopSignal(clock));
        }

        private Away(String database, Duration limit, StopSignal closing) {
            this(database, new Patience(limit, closing, Waits.SILENT), closing);
        }

        <T> T call(Supplier<T> transaction) {
            return patience.call("the ledger's database " + database, transaction);
        }
    }

    /**
     * Over a database.
     *
     * @param away empty for a database in this process, which never is
     */
    GroupCommit(DataSource source, Optional<Away> away) {
        this.source = source;
        this.away = away;
        this.directory = directory(source);
        this.writer = Thread.ofPlatform().daemon().name("ledger").start(this::write);
    }

    private void write() {
        List<Queued> batch = new ArrayList<>();
        while (!stopping || !queue.isEmpty()) {
            try {
                Queued first = queue.poll(200, TimeUnit.MILLISECONDS);
                if (first == null) {
                    continue;
                }
                batch.add(first);
                queue.drainTo(batch, LARGEST_COMMIT);
                commit(batch);
            } catch (InterruptedException e) {
                stopping = true;
            } finally {
                batch.clear();
            }
        }
        for (Queued late = queue.poll(); late != null; late = queue.poll()) {
            late.done().completeExceptionally(new FootholdException(ErrorCode.DRAINING, "the ledger is closed"));
        }
    }

    private void commit(List<Queued> batch) {
        long own = ++number;
        try {
            if (away.isEmpty()) {
                transaction(batch, own, false);
            } else {
                AtomicBoolean again = new AtomicBoolean();
                var unused = away.get().call(() -> {
                    transaction(batch, own, again.getAndSet(true));
                    return true;
                });
            }
        } catch (OneOfMany e) {
            // One bad write must not take its neighbours with it.
            for (Queued q : batch) {
                commit(List.of(q));
            }
            return;
        } catch (RuntimeException | Error e) {
            // An error of the machine too: whoever waits for these writes would wait for ever, and so would all that
            // come.
            FootholdException failure = FailureLog.told(LOG, "a commit of the ledger", e);
            batch.forEach(q -> q.done().completeExceptionally(failure));
            return;
        }
        batch.forEach(q -> q.done().complete(null));
    }

    private void transaction(List<Queued> batch, long own, boolean again) {
        boolean connecting = true;
        try {
            if (away.isPresent()) {
                mark.prepare(source);
            }
            try (Connection connection = source.getConnection()) {
                connecting = false;
                transaction(connection, batch, own, again);
            }
        } catch (SQLException e) {
            throw failure(e, connecting);
        }
    }

    private void transaction(Connection connection, List<Queued> batch, long own, boolean again) throws SQLException {
        connection.setAutoCommit(false);
        try {
            if (away.isEmpty() || !mark.reached(connection, own, again)) {
                checkLeases(connection, batch);
                for (Queued q : batch) {
                    q.write().run(connection);
                }
            }
            connection.commit();
        } catch (SQLException | RuntimeException | Error e) {
            rollback(connection, e);
            if (batch.size() > 1 && !passes(e, false)) {
                throw new OneOfMany(e);
            }
            throw e;
        }
        connection.setAutoCommit(true);
    }

    /** Once for all writes of an owner, and always in the same order: their rows are locked until the commit. */
    private static void checkLeases(Connection connection, List<Queued> batch) throws SQLException {
        List<Lease> leases = batch.stream()
                .map(Queued::lease)
                .filter(Objects::nonNull)
                .distinct()
                .sorted(Comparator.comparing(Lease::runId))
                .toList();
        for (Lease lease : leases) {
            LeaseTable.check(connection, lease);
        }
    }

    private static void rollback(Connection connection, Throwable why) {
        try {
            connection.rollback();
            connection.setAutoCommit(true);
        } catch (SQLException e) {
            // The connection is gone, and what was not committed with it.
            why.addSuppressed(e);
        }
    }

    private boolean passes(Throwable e, boolean connecting) {
        return away.isPresent() && Outage.passes(e, connecting);
    }

    private FootholdException failure(SQLException e, boolean connecting) {
        return away.filter(a -> Outage.passes(e, connecting))
                .map(a -> Outage.told(a.database(), e))
                .orElseGet(() -> storage(e));
    }

    /** Writes that were queued and are not durable. */
    OpenWork work() {
        return open;
    }

    /**
     * Queues a write; it takes effect behind all that were queued before.
     *
     * @param lease of the writer: a write whose run belongs to another process by then is refused; null for one that needs none
     */
    CompletableFuture<Void> submit(@Nullable Lease lease, Write write) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        if (!writer.isAlive()) {
            done.completeExceptionally(new FootholdException(ErrorCode.DRAINING, "the ledger is closed"));
            return done;
        }
        OpenWork.Piece piece = open.begin();
        var unused = done.whenComplete((nothing, failure) -> open.end(piece));
        queue.add(new Queued(lease, write, done));
        return done;
    }

    /** Reads what is committed. */
    <T extends @Nullable Object> T query(Query<T> query) {
        boolean connecting = true;
        try (Connection connection = source.getConnection()) {
            connecting = false;
            return query.run(connection);
        } catch (SQLException e) {
            throw failure(e, connecting);
        }
    }

    /** Reads what is committed; waits for a database that is away. */
    <T extends @Nullable Object> T patientQuery(Query<T> query) {
        return away.isEmpty() ? query(query) : away.get().call(() -> query(query));
    }

    private FootholdException storage(SQLException e) {
        String full = directory
                .flatMap(d -> FullDisk.told(d, e, FullDisk.REAL))
                .map(text -> text + "; ")
                .orElse("");
        return new FootholdException(
                ErrorCode.STORAGE, full + "the ledger cannot be written or read: " + e.getMessage(), e);
    }

    private static Optional<Path> directory(DataSource source) {
        try (Connection connection = source.getConnection()) {
            return FullDisk.directory(connection.getMetaData().getURL());
        } catch (SQLException e) {
            // The first write says what is wrong.
            return Optional.empty();
        }
    }

    /** Commits what is queued, then stops; does not wait for a database that is away. */
    @Override
    public void close() {
        stopping = true;
        try {
            writer.join(LAST_COMMITS.toMillis());
            away.ifPresent(a -> a.closing().stop());
            writer.join(LAST_COMMITS.toMillis());
            if (!writer.isAlive()) {
                mark.remove(source);
            }
        } catch (SQLException e) {
            LOG.debugf("the row of this process stays in the ledger: %s", e.getMessage());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
