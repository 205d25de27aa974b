package io.foothold.orchestrator.ledger;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.metric.OpenWork;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Writes and reads of a database. Writes are handed to one thread, which commits whatever has gathered in one transaction: every future
 * completes after its commit. Thread-safe.
 */
final class GroupCommit implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(GroupCommit.class);
    private static final int LARGEST_COMMIT = 512;

    /** One write; all of its statements take effect or none. */
    interface Write {
        void run(Connection connection) throws SQLException;
    }

    /** One read. */
    interface Query<T extends @Nullable Object> {
        T run(Connection connection) throws SQLException;
    }

    private record Queued(Write write, CompletableFuture<Void> done) {}

    private final DataSource source;
    private final Optional<Path> directory;
    private final LinkedBlockingQueue<Queued> queue = new LinkedBlockingQueue<>();
    private final OpenWork open = new OpenWork();
    private final Thread writer;
    private volatile boolean stopping;

    GroupCommit(DataSource source) {
        this.source = source;
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
        try (Connection connection = source.getConnection()) {
            connection.setAutoCommit(false);
            try {
                for (Queued q : batch) {
                    q.write().run(connection);
                }
                connection.commit();
            } catch (SQLException | RuntimeException | Error e) {
                connection.rollback();
                if (batch.size() == 1) {
                    throw e;
                }
                // One bad write must not take its neighbours with it.
                for (Queued q : batch) {
                    commit(List.of(q));
                }
                return;
            } finally {
                connection.setAutoCommit(true);
            }
        } catch (SQLException | RuntimeException | Error e) {
            // An error of the machine too: whoever waits for these writes would wait for ever, and so would all that
            // come.
            FootholdException failure =
                    FailureLog.told(LOG, "a commit of the ledger", e instanceof SQLException sql ? storage(sql) : e);
            batch.forEach(q -> q.done().completeExceptionally(failure));
            return;
        }
        batch.forEach(q -> q.done().complete(null));
    }

    /** Writes that were queued and are not durable. */
    OpenWork work() {
        return open;
    }

    /** Queues a write; it takes effect behind all that were queued before. */
    CompletableFuture<Void> submit(Write write) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        if (!writer.isAlive()) {
            done.completeExceptionally(new FootholdException(ErrorCode.DRAINING, "the ledger is closed"));
            return done;
        }
        OpenWork.Piece piece = open.begin();
        var unused = done.whenComplete((nothing, failure) -> open.end(piece));
        queue.add(new Queued(write, done));
        return done;
    }

    /** Reads what is committed. */
    <T extends @Nullable Object> T query(Query<T> query) {
        try (Connection connection = source.getConnection()) {
            return query.run(connection);
        } catch (SQLException e) {
            throw storage(e);
        }
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

    /** Commits what is queued, then stops. */
    @Override
    public void close() {
        stopping = true;
        try {
            writer.join(30_000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
