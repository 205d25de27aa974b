package io.foothold.orchestrator.ledger;

import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.metric.OpenWork;
import io.foothold.core.ledger.LedgerAudit;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.remote.WaitClock;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntSupplier;
import java.util.function.ObjIntConsumer;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/** The ledger in a relational database; see {@link GroupCommit} for how it is written. Thread-safe. */
public final class LedgerStore implements Ledger, AutoCloseable {
    private final GroupCommit database;
    private final InstantSource clock;
    private final ObjIntConsumer<RolloutState> ends;
    /** Of whoever writes through this; null for those who do not have a run. */
    private final @Nullable Lease lease;

    /** A store over a migrated database in this process. */
    public LedgerStore(DataSource source, InstantSource clock) {
        this(source, clock, (end, number) -> {});
    }

    /**
     * A store over a migrated database in this process.
     *
     * @param ends told how many rollouts came to an end, once that is durable; must not block
     */
    public LedgerStore(DataSource source, InstantSource clock, ObjIntConsumer<RolloutState> ends) {
        this(new GroupCommit(source, Optional.empty()), clock, ends, null);
    }

    /**
     * A store over a migrated database that is another process and can be away.
     *
     * @param database what it is called in messages
     * @param patience how long a write is tried again before it fails
     * @param ends told how many rollouts came to an end, once that is durable; must not block
     */
    public LedgerStore(
            DataSource source,
            String database,
            Duration patience,
            WaitClock waits,
            InstantSource clock,
            ObjIntConsumer<RolloutState> ends) {
        this(new GroupCommit(source, Optional.of(new GroupCommit.Away(database, patience, waits))), clock, ends, null);
    }

    private LedgerStore(
            GroupCommit database, InstantSource clock, ObjIntConsumer<RolloutState> ends, @Nullable Lease lease) {
        this.database = database;
        this.clock = clock;
        this.ends = ends;
        this.lease = lease;
    }

    @Override
    public Ledger inRun(Lease own) {
        return new LedgerStore(database, clock, ends, own);
    }

    private <T extends @Nullable Object> T query(GroupCommit.Query<T> query) {
        return lease != null ? database.patientQuery(query) : database.query(query);
    }

    /** What people look for in it. */
    public LedgerLookup lookup() {
        return new LedgerLookup(database);
    }

    /** How far stored events have come elsewhere. */
    public EventCursors cursors() {
        return new EventCursors(database);
    }

    /** Writes that were asked for and are not durable. */
    public OpenWork work() {
        return database.work();
    }

    private CompletableFuture<Void> submit(GroupCommit.Write write) {
        return database.submit(lease, write);
    }

    /** A write that gives something. */
    private <T> CompletableFuture<T> submit(@Nullable Lease own, GroupCommit.Query<T> write) {
        AtomicReference<@Nullable T> out = new AtomicReference<>();
        return database.submit(own, c -> out.set(write.run(c))).thenApply(done -> Objects.requireNonNull(out.get()));
    }

    @Override
    public CompletableFuture<Optional<Lease>> claim(
            String runId, String owner, String learner, Optional<Lease.Seen> dead) {
        return submit(null, c -> LeaseTable.claim(c, runId, owner, learner, dead))
                .exceptionally(failure -> {
                    // Another process took the learner between our look and our write.
                    if (Outage.sql(failure)
                            .filter(e -> CommitMark.UNIQUE_VIOLATION.equals(e.getSQLState()))
                            .isPresent()) {
                        return Optional.empty();
                    }
                    throw FootholdException.of(failure);
                });
    }

    @Override
    public CompletableFuture<String> renew(Lease own) {
        return submit(own, c -> LeaseTable.renew(c, own));
    }

    @Override
    public CompletableFuture<Void> release(Lease own) {
        return database.submit(own, c -> LeaseTable.release(c, own));
    }

    @Override
    public CompletableFuture<Void> endRun(Lease own, String state, String reason) {
        return database.submit(own, c -> {
            RunTable.state(c, own.runId(), state, reason);
            LeaseTable.release(c, own);
        });
    }

    @Override
    public CompletableFuture<Boolean> wish(String runId, String wish) {
        return submit(null, c -> LeaseTable.wish(c, runId, wish) > 0);
    }

    @Override
    public CompletableFuture<Boolean> setAside(String runId, String state, String reason) {
        return submit(null, c -> {
            boolean free = LeaseTable.free(c, runId);
            if (free) {
                RunTable.state(c, runId, state, reason);
            }
            return free;
        });
    }

    @Override
    public CompletableFuture<Void> forgetOwners() {
        return submit(LeaseTable::forgetOwners);
    }

    @Override
    public List<Lease.Seen> leases() {
        return query(LeaseTable::held);
    }

    private void tell(CompletableFuture<Void> written, RolloutState end, IntSupplier number) {
        var unused = written.thenRun(() -> {
            if (number.getAsInt() > 0) {
                ends.accept(end, number.getAsInt());
            }
        });
    }

    private static int ended(List<Outcome> outcomes, RolloutState end) {
        return (int) outcomes.stream()
                .filter(o -> o.steps().get(o.steps().size() - 1) == end)
                .count();
    }

    @Override
    public CompletableFuture<Void> createRun(String id, String settings, long updates) {
        return submit(c -> {
            RunTable.create(c, id, settings, updates, clock.instant());
            LeaseTable.create(c, id);
        });
    }

    @Override
    public CompletableFuture<Void> setRunSettings(String id, String settings) {
        return submit(c -> RunTable.settings(c, id, settings));
    }

    @Override
    public CompletableFuture<Void> setRunState(String id, String state, String reason) {
        return submit(c -> RunTable.state(c, id, state, reason));
    }

    @Override
    public CompletableFuture<Void> reserve(String runId, Group group, List<String> rolloutIds) {
        return submit(c -> RolloutTable.reserve(c, runId, group, rolloutIds));
    }

    @Override
    public CompletableFuture<Void> record(List<Outcome> outcomes) {
        CompletableFuture<Void> written = submit(c -> RolloutTable.record(c, outcomes));
        tell(written, RolloutState.CONSUMED, () -> ended(outcomes, RolloutState.CONSUMED));
        tell(written, RolloutState.DROPPED, () -> ended(outcomes, RolloutState.DROPPED));
        return written;
    }

    @Override
    public CompletableFuture<Void> admit(String runId, long update, List<TrainGroup> groups) {
        return submit(c -> UpdateTables.admit(c, runId, update, groups));
    }

    @Override
    public CompletableFuture<Void> trained(Manifest manifest) {
        AtomicInteger number = new AtomicInteger();
        CompletableFuture<Void> written = submit(c -> number.set(UpdateTables.trained(c, manifest)));
        tell(written, RolloutState.TRAINED, number::get);
        return written;
    }

    @Override
    public CompletableFuture<Void> dropUnfinished(String runId, String reason) {
        AtomicInteger number = new AtomicInteger();
        CompletableFuture<Void> written = submit(c -> number.set(RolloutTable.dropUnfinished(c, runId, reason)));
        tell(written, RolloutState.DROPPED, number::get);
        return written;
    }

    @Override
    public List<TrainGroup> admittedBatch(String runId, long update) {
        return query(c -> UpdateTables.batch(c, runId, update));
    }

    @Override
    public List<Manifest> manifests(String runId) {
        return query(c -> UpdateTables.manifests(c, runId));
    }

    @Override
    public CompletableFuture<Void> savePrefix(String runId, String problemId, int thoughts, boolean fallback) {
        return submit(c -> FindingTables.savePrefix(c, runId, problemId, thoughts, fallback));
    }

    @Override
    public Map<String, Integer> prefixes(String runId) {
        return query(c -> FindingTables.prefixes(c, runId));
    }

    @Override
    public CompletableFuture<Void> savePreparation(String runId, String name, String json) {
        return submit(c -> FindingTables.savePreparation(c, runId, name, json));
    }

    @Override
    public CompletableFuture<Void> forgetPrepared(String runId) {
        return submit(c -> FindingTables.forgetPrepared(c, runId));
    }

    @Override
    public Optional<String> preparation(String runId, String name) {
        return query(c -> FindingTables.preparation(c, runId, name));
    }

    @Override
    public CompletableFuture<Void> saveEvaluation(String runId, long update, String set, String json) {
        return submit(c -> FindingTables.saveEvaluation(c, runId, update, set, json));
    }

    @Override
    public boolean evaluated(String runId, long update, String set) {
        return query(c -> FindingTables.evaluated(c, runId, update, set));
    }

    @Override
    public List<String> evaluations(String runId) {
        return query(c -> FindingTables.evaluations(c, runId));
    }

    @Override
    public CompletableFuture<Void> saveEvent(String runId, EventRow event) {
        return submit(c -> RunTable.addEvent(c, runId, event));
    }

    @Override
    public List<EventRow> events(String runId, long from) {
        return query(c -> RunTable.events(c, runId, from));
    }

    @Override
    public List<RunRow> runs() {
        return query(RunTable::all);
    }

    @Override
    public Optional<RunRow> run(String id) {
        return query(c -> RunTable.one(c, id));
    }

    @Override
    public Map<String, Long> countsByPurpose(String runId) {
        return query(c -> RolloutTable.byPurpose(c, runId));
    }

    @Override
    public Map<String, Long> tokensByUse(String runId) {
        return query(c -> RolloutTable.tokensByUse(c, runId));
    }

    @Override
    public LedgerAudit.Report audit(String runId) {
        Map<String, RolloutState> states = query(c -> RolloutTable.states(c, runId));
        return LedgerAudit.audit(
                states,
                manifests(runId).stream()
                        .map(m -> m.rollouts().stream()
                                .map(Manifest.Trained::rolloutId)
                                .toList())
                        .toList());
    }

    /** Commits what is queued, then stops. */
    @Override
    public void close() {
        database.close();
    }
}
