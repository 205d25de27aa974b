package io.foothold.orchestrator.ledger;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.LedgerAudit;
import io.foothold.core.ledger.RolloutState;
import io.foothold.v1.TrainGroup;
import io.foothold.v1.UpdateManifest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Timestamp;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The ledger in a relational database. Writes are handed to one thread, which commits whatever has gathered in one
 * transaction: every future completes after its commit, so a caller that waits for it has its word on disk. Thread-safe.
 */
public final class LedgerStore implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(LedgerStore.class);
    private static final int LARGEST_COMMIT = 512;

    /**
     * A row of the run table.
     *
     * @param settings the run file's settings as data, see RunFile.stored
     */
    public record RunRow(String id, String settings, String state, long updateDone, long updates, String reason) {}

    /**
     * How a rollout went on.
     *
     * @param steps the states it went through, in order, at least one; what happened at once is one outcome
     * @param verdict name of the verdict, empty when there is none
     * @param reason why it was dropped, or what it was consumed for
     */
    public record Outcome(
            String rolloutId, List<RolloutState> steps, String verdict, double reward, int tokens, String reason) {
        /** States that come with a batch or a manifest, or before an outcome. */
        private static final Set<RolloutState> WRITTEN_ELSEWHERE =
                Set.of(RolloutState.RESERVED, RolloutState.ADMITTED, RolloutState.TRAINED);

        /** Copies the steps. */
        public Outcome {
            steps = List.copyOf(steps);
            if (steps.isEmpty() || steps.stream().anyMatch(WRITTEN_ELSEWHERE::contains)) {
                throw new IllegalArgumentException("an outcome of rollout " + rolloutId
                        + " takes it to SAMPLED, VERIFIED, CONSUMED or DROPPED, not " + steps);
            }
        }

        /** A single step. */
        public Outcome(String rolloutId, RolloutState state, String verdict, double reward, int tokens, String reason) {
            this(rolloutId, List.of(state), verdict, reward, tokens, reason);
        }
    }

    /** A stored event. */
    public record EventRow(long number, String kind, String json) {}

    private interface Write {
        void run(Connection connection) throws SQLException;
    }

    private record Queued(Write write, CompletableFuture<Void> done) {}

    private static final String RUN_COLUMNS = "select id, settings, state, update_done, updates, reason from run ";

    private final DataSource source;
    private final Optional<Path> directory;
    private final InstantSource clock;
    private final LinkedBlockingQueue<Queued> queue = new LinkedBlockingQueue<>();
    private final Thread writer;
    private volatile boolean stopping;

    /** A store over a migrated database. */
    public LedgerStore(DataSource source, InstantSource clock) {
        this.source = source;
        this.directory = directory(source);
        this.clock = clock;
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

    private CompletableFuture<Void> submit(Write write) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        if (!writer.isAlive()) {
            done.completeExceptionally(new FootholdException(ErrorCode.DRAINING, "the ledger is closed"));
            return done;
        }
        queue.add(new Queued(write, done));
        return done;
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

    /** Waits for a write. */
    public static void await(CompletableFuture<Void> write) {
        try {
            write.join();
        } catch (RuntimeException e) {
            throw FootholdException.of(e);
        }
    }

    /** Creates a run in state created. */
    public CompletableFuture<Void> createRun(String id, String settings, long updates) {
        return submit(c -> execute(
                c,
                "insert into run values (?, ?, 'created', 0, ?, '', ?)",
                id,
                settings,
                updates,
                Timestamp.from(clock.instant())));
    }

    /** Gives a run other settings. */
    public CompletableFuture<Void> setRunSettings(String id, String settings) {
        return submit(c -> execute(c, "update run set settings = ? where id = ?", settings, id));
    }

    /** Moves a run to another state. */
    public CompletableFuture<Void> setRunState(String id, String state, String reason) {
        return submit(
                c -> execute(c, "update run set state = ?, reason = ? where id = ?", state, cut(reason, 4000), id));
    }

    /** Writes down rollouts before they are sampled. */
    public CompletableFuture<Void> reserve(String runId, String groupId, String purpose, List<String> rolloutIds) {
        return submit(c -> {
            try (PreparedStatement s =
                    c.prepareStatement("insert into rollout values (?, ?, ?, ?, 'RESERVED', '', '', 0, 0)")) {
                for (String id : rolloutIds) {
                    bind(s, id, runId, groupId, purpose);
                    s.addBatch();
                }
                s.executeBatch();
            }
        });
    }

    /** Takes rollouts further; a step that does not follow the state in the ledger fails the whole write. */
    public CompletableFuture<Void> record(List<Outcome> outcomes) {
        return submit(c -> apply(c, outcomes));
    }

    private static void apply(Connection c, List<Outcome> outcomes) throws SQLException {
        try (PreparedStatement read = c.prepareStatement("select state from rollout where id = ? for update");
                PreparedStatement update = c.prepareStatement(
                        "update rollout set state = ?, verdict = ?, reward = ?, tokens = ?, reason = ? where id = ?")) {
            for (Outcome o : outcomes) {
                RolloutState to = stateOf(read, o.rolloutId()).through(o.rolloutId(), o.steps());
                bind(update, to.name(), o.verdict(), o.reward(), o.tokens(), cut(o.reason(), 1000), o.rolloutId());
                update.addBatch();
            }
            update.executeBatch();
        }
    }

    private static RolloutState stateOf(PreparedStatement read, String id) throws SQLException {
        read.setString(1, id);
        try (ResultSet r = read.executeQuery()) {
            if (!r.next()) {
                throw new IllegalStateException("rollout " + id + " was never reserved");
            }
            return RolloutState.valueOf(r.getString(1));
        }
    }

    /** Admits an update's groups and stores them, so that they can be trained again after a crash. */
    public CompletableFuture<Void> admit(String runId, long update, List<TrainGroup> groups) {
        return submit(c -> {
            execute(c, "insert into admitted_batch values (?, ?, ?)", runId, update, encode(groups));
            setState(c, rolloutIds(groups), RolloutState.ADMITTED);
        });
    }

    private static List<String> rolloutIds(List<TrainGroup> groups) {
        return groups.stream()
                .flatMap(g -> g.getMembersList().stream())
                .map(m -> m.getRollout().getId())
                .toList();
    }

    private static void setState(Connection c, List<String> ids, RolloutState to) throws SQLException {
        try (PreparedStatement read = c.prepareStatement("select state from rollout where id = ? for update");
                PreparedStatement update = c.prepareStatement("update rollout set state = ? where id = ?")) {
            for (String id : ids) {
                RolloutState from = stateOf(read, id);
                from.checkStep(id, to);
                bind(update, to.name(), id);
                update.addBatch();
            }
            update.executeBatch();
        }
    }

    /**
     * Takes over what the learner did. A manifest that is known already changes nothing, so a replayed update counts once.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when the same update has another digest
     */
    public CompletableFuture<Void> trained(UpdateManifest manifest) {
        return submit(c -> {
            String run = manifest.getRunId();
            long update = manifest.getUpdate();
            String known =
                    one(c, "select digest from update_manifest where run_id = ? and update_number = ?", run, update);
            if (known != null && !known.equals(manifest.getDigest())) {
                throw new FootholdException(
                        ErrorCode.CONFLICT,
                        "update " + update + " of run " + run + " gave digest " + manifest.getDigest() + ", it gave "
                                + known + " before");
            }
            if (known == null) {
                execute(
                        c,
                        "insert into update_manifest values (?, ?, ?, ?, ?)",
                        run,
                        update,
                        manifest.getPolicyVersion(),
                        manifest.getDigest(),
                        // Its canary is no part of what an update did.
                        manifest.toBuilder().clearCanary().build().toByteArray());
                setState(
                        c,
                        manifest.getRolloutsList().stream()
                                .map(r -> r.getRolloutId())
                                .toList(),
                        RolloutState.TRAINED);
                execute(c, "update run set update_done = ? where id = ?", update, run);
            }
            execute(
                    c,
                    "delete from admitted_batch where run_id = ? and update_number <= ?",
                    run,
                    manifest.getOldestKeptUpdate());
        });
    }

    /** Gives up what was under way when a process died: rollouts neither admitted nor ended. Gives their number. */
    public CompletableFuture<Void> dropUnfinished(String runId, String reason) {
        return submit(c -> execute(
                c,
                "update rollout set state = 'DROPPED', reason = ? where run_id = ? and state in ('RESERVED',"
                        + " 'SAMPLED', 'VERIFIED')",
                reason,
                runId));
    }

    /** The stored groups of an update that was admitted and is not yet in every checkpoint that the learner may go back to. */
    public List<TrainGroup> admittedBatch(String runId, long update) {
        return query(c -> {
            try (PreparedStatement s =
                    c.prepareStatement("select payload from admitted_batch where run_id = ? and update_number = ?")) {
                bind(s, runId, update);
                try (ResultSet r = s.executeQuery()) {
                    return r.next() ? decode(r.getBytes(1)) : List.<TrainGroup>of();
                }
            }
        });
    }

    /** The manifests of a run in order. */
    public List<UpdateManifest> manifests(String runId) {
        return query(c -> {
            List<UpdateManifest> out = new ArrayList<>();
            try (PreparedStatement s =
                    c.prepareStatement("select payload from update_manifest where run_id = ? order by update_number")) {
                bind(s, runId);
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) {
                        out.add(UpdateManifest.parseFrom(r.getBytes(1)));
                    }
                }
            } catch (com.google.protobuf.InvalidProtocolBufferException e) {
                throw new FootholdException(ErrorCode.INVALID_DATA, "a stored manifest cannot be read", e);
            }
            return out;
        });
    }

    /** Stores searched prefixes. */
    public CompletableFuture<Void> savePrefix(String runId, String problemId, int thoughts, boolean fallback) {
        return submit(c -> execute(
                c,
                "merge into searched_prefix key (run_id, problem_id) values (?, ?, ?, ?)",
                runId,
                problemId,
                thoughts,
                fallback));
    }

    /** Searched prefixes by problem. */
    public Map<String, Integer> prefixes(String runId) {
        return query(c -> {
            Map<String, Integer> out = new LinkedHashMap<>();
            try (PreparedStatement s = c.prepareStatement(
                    "select problem_id, prefix_thoughts from searched_prefix where run_id = ? order by problem_id")) {
                bind(s, runId);
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) {
                        out.put(r.getString(1), r.getInt(2));
                    }
                }
            }
            return out;
        });
    }

    /** Stores the result of a preparation step, such as mining. */
    public CompletableFuture<Void> savePreparation(String runId, String name, String json) {
        return submit(c -> execute(c, "merge into preparation key (run_id, name) values (?, ?, ?)", runId, name, json));
    }

    /** Forgets a run's hard set and its prefixes, so that both are looked for again. */
    public CompletableFuture<Void> forgetPrepared(String runId) {
        return submit(c -> {
            execute(c, "delete from preparation where run_id = ? and name in ('hard_set', 'prefix_search')", runId);
            execute(c, "delete from searched_prefix where run_id = ?", runId);
        });
    }

    /** The result of a preparation step, if it was done. */
    public Optional<String> preparation(String runId, String name) {
        return query(c ->
                Optional.ofNullable(one(c, "select json from preparation where run_id = ? and name = ?", runId, name)));
    }

    /** Stores an evaluation. */
    public CompletableFuture<Void> saveEvaluation(String runId, long update, String set, String json) {
        return submit(c -> execute(
                c,
                "merge into evaluation key (run_id, update_number, set_name) values (?, ?, ?, ?)",
                runId,
                update,
                set,
                json));
    }

    /** Whether a set was evaluated at an update. */
    public boolean evaluated(String runId, long update, String set) {
        return query(c -> {
            try (PreparedStatement s = c.prepareStatement(
                    "select 1 from evaluation where run_id = ? and update_number = ? and set_name = ?")) {
                bind(s, runId, update, set);
                try (ResultSet r = s.executeQuery()) {
                    return r.next();
                }
            }
        });
    }

    /** Evaluations of a run as JSON, by update and set. */
    public List<String> evaluations(String runId) {
        return query(c -> {
            List<String> out = new ArrayList<>();
            try (PreparedStatement s = c.prepareStatement(
                    "select json from evaluation where run_id = ? order by update_number, set_name")) {
                bind(s, runId);
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) {
                        out.add(r.getString(1));
                    }
                }
            }
            return out;
        });
    }

    /** Stores an event. */
    public CompletableFuture<Void> saveEvent(String runId, EventRow event) {
        return submit(c ->
                execute(c, "insert into event values (?, ?, ?, ?)", runId, event.number(), event.kind(), event.json()));
    }

    /** Events of a run from a number on. */
    public List<EventRow> events(String runId, long from) {
        return query(c -> {
            List<EventRow> out = new ArrayList<>();
            try (PreparedStatement s = c.prepareStatement(
                    "select number, kind, json from event where run_id = ? and number >= ? order by number")) {
                bind(s, runId, from);
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) {
                        out.add(new EventRow(r.getLong(1), r.getString(2), r.getString(3)));
                    }
                }
            }
            return out;
        });
    }

    /** All runs, newest first. */
    public List<RunRow> runs() {
        return query(c -> {
            try (PreparedStatement s = c.prepareStatement(RUN_COLUMNS + "order by created_at desc")) {
                return runRows(s);
            }
        });
    }

    /** One run. */
    public Optional<RunRow> run(String id) {
        return query(c -> {
            try (PreparedStatement s = c.prepareStatement(RUN_COLUMNS + "where id = ?")) {
                bind(s, id);
                return runRows(s).stream().findFirst();
            }
        });
    }

    private static List<RunRow> runRows(PreparedStatement s) throws SQLException {
        List<RunRow> out = new ArrayList<>();
        try (ResultSet r = s.executeQuery()) {
            while (r.next()) {
                out.add(new RunRow(
                        r.getString(1), r.getString(2), r.getString(3), r.getLong(4), r.getLong(5), r.getString(6)));
            }
        }
        return out;
    }

    /** Number of rollouts of a run by purpose. */
    public Map<String, Long> countsByPurpose(String runId) {
        return counts(
                "select purpose, count(*) from rollout where run_id = ? group by purpose order by purpose", runId);
    }

    private Map<String, Long> counts(String sql, String runId) {
        return query(c -> {
            Map<String, Long> out = new LinkedHashMap<>();
            try (PreparedStatement s = c.prepareStatement(sql)) {
                bind(s, runId);
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) {
                        out.put(r.getString(1), r.getLong(2));
                    }
                }
            }
            return out;
        });
    }

    /** Sampled tokens of a run by what they served: the purpose of a rollout, or of one that was consumed its reason. */
    public Map<String, Long> tokensByUse(String runId) {
        return counts(
                "select case when state = 'CONSUMED' then reason else purpose end as served, sum(tokens) from rollout "
                        + "where run_id = ? group by served order by served",
                runId);
    }

    /** Checks conservation. */
    public LedgerAudit.Report audit(String runId) {
        Map<String, RolloutState> states = query(c -> {
            Map<String, RolloutState> out = new LinkedHashMap<>();
            try (PreparedStatement s = c.prepareStatement("select id, state from rollout where run_id = ?")) {
                bind(s, runId);
                try (ResultSet r = s.executeQuery()) {
                    while (r.next()) {
                        out.put(r.getString(1), RolloutState.valueOf(r.getString(2)));
                    }
                }
            }
            return out;
        });
        return LedgerAudit.audit(
                states,
                manifests(runId).stream()
                        .map(m -> m.getRolloutsList().stream()
                                .map(r -> r.getRolloutId())
                                .toList())
                        .toList());
    }

    private interface Query<T extends @Nullable Object> {
        T run(Connection connection) throws SQLException;
    }

    private <T extends @Nullable Object> T query(Query<T> query) {
        try (Connection connection = source.getConnection()) {
            return query.run(connection);
        } catch (SQLException e) {
            throw storage(e);
        }
    }

    private static void execute(Connection c, String sql, Object... values) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            bind(s, values);
            s.executeUpdate();
        }
    }

    private static @Nullable String one(Connection c, String sql, Object... values) throws SQLException {
        try (PreparedStatement s = c.prepareStatement(sql)) {
            bind(s, values);
            try (ResultSet r = s.executeQuery()) {
                return r.next() ? r.getString(1) : null;
            }
        }
    }

    private static void bind(PreparedStatement s, Object... values) throws SQLException {
        for (int i = 0; i < values.length; i++) {
            s.setObject(i + 1, values[i]);
        }
    }

    private static String cut(String text, int longest) {
        return text.length() <= longest ? text : text.substring(0, longest);
    }

    private static byte[] encode(List<TrainGroup> groups) {
        try {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            for (TrainGroup g : groups) {
                g.writeDelimitedTo(out);
            }
            return out.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<TrainGroup> decode(byte[] bytes) {
        try {
            List<TrainGroup> out = new ArrayList<>();
            ByteArrayInputStream in = new ByteArrayInputStream(bytes);
            for (TrainGroup g = TrainGroup.parseDelimitedFrom(in); g != null; g = TrainGroup.parseDelimitedFrom(in)) {
                out.add(g);
            }
            return out;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
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
