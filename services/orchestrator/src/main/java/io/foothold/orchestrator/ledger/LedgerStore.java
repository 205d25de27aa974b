package io.foothold.orchestrator.ledger;

import io.foothold.contracts.metric.OpenWork;
import io.foothold.core.ledger.LedgerAudit;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.function.ObjIntConsumer;
import javax.sql.DataSource;

/** The ledger in a relational database; see {@link GroupCommit} for how it is written. Thread-safe. */
public final class LedgerStore implements Ledger, AutoCloseable {
    private final GroupCommit database;
    private final InstantSource clock;
    private final ObjIntConsumer<RolloutState> ends;

    /** A store over a migrated database. */
    public LedgerStore(DataSource source, InstantSource clock) {
        this(source, clock, (end, number) -> {});
    }

    /**
     * A store over a migrated database.
     *
     * @param ends told how many rollouts came to an end, once that is durable; must not block
     */
    public LedgerStore(DataSource source, InstantSource clock, ObjIntConsumer<RolloutState> ends) {
        this.ends = ends;
        this.database = new GroupCommit(source);
        this.clock = clock;
    }

    /** Writes that were asked for and are not durable. */
    public OpenWork work() {
        return database.work();
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
        return database.submit(c -> RunTable.create(c, id, settings, updates, clock.instant()));
    }

    @Override
    public CompletableFuture<Void> setRunSettings(String id, String settings) {
        return database.submit(c -> RunTable.settings(c, id, settings));
    }

    @Override
    public CompletableFuture<Void> setRunState(String id, String state, String reason) {
        return database.submit(c -> RunTable.state(c, id, state, reason));
    }

    @Override
    public CompletableFuture<Void> reserve(String runId, String groupId, String purpose, List<String> rolloutIds) {
        return database.submit(c -> RolloutTable.reserve(c, runId, groupId, purpose, rolloutIds));
    }

    @Override
    public CompletableFuture<Void> record(List<Outcome> outcomes) {
        CompletableFuture<Void> written = database.submit(c -> RolloutTable.record(c, outcomes));
        tell(written, RolloutState.CONSUMED, () -> ended(outcomes, RolloutState.CONSUMED));
        tell(written, RolloutState.DROPPED, () -> ended(outcomes, RolloutState.DROPPED));
        return written;
    }

    @Override
    public CompletableFuture<Void> admit(String runId, long update, List<TrainGroup> groups) {
        return database.submit(c -> UpdateTables.admit(c, runId, update, groups));
    }

    @Override
    public CompletableFuture<Void> trained(Manifest manifest) {
        AtomicInteger number = new AtomicInteger();
        CompletableFuture<Void> written = database.submit(c -> number.set(UpdateTables.trained(c, manifest)));
        tell(written, RolloutState.TRAINED, number::get);
        return written;
    }

    @Override
    public CompletableFuture<Void> dropUnfinished(String runId, String reason) {
        AtomicInteger number = new AtomicInteger();
        CompletableFuture<Void> written =
                database.submit(c -> number.set(RolloutTable.dropUnfinished(c, runId, reason)));
        tell(written, RolloutState.DROPPED, number::get);
        return written;
    }

    @Override
    public List<TrainGroup> admittedBatch(String runId, long update) {
        return database.query(c -> UpdateTables.batch(c, runId, update));
    }

    @Override
    public List<Manifest> manifests(String runId) {
        return database.query(c -> UpdateTables.manifests(c, runId));
    }

    @Override
    public CompletableFuture<Void> savePrefix(String runId, String problemId, int thoughts, boolean fallback) {
        return database.submit(c -> FindingTables.savePrefix(c, runId, problemId, thoughts, fallback));
    }

    @Override
    public Map<String, Integer> prefixes(String runId) {
        return database.query(c -> FindingTables.prefixes(c, runId));
    }

    @Override
    public CompletableFuture<Void> savePreparation(String runId, String name, String json) {
        return database.submit(c -> FindingTables.savePreparation(c, runId, name, json));
    }

    @Override
    public CompletableFuture<Void> forgetPrepared(String runId) {
        return database.submit(c -> FindingTables.forgetPrepared(c, runId));
    }

    @Override
    public Optional<String> preparation(String runId, String name) {
        return database.query(c -> FindingTables.preparation(c, runId, name));
    }

    @Override
    public CompletableFuture<Void> saveEvaluation(String runId, long update, String set, String json) {
        return database.submit(c -> FindingTables.saveEvaluation(c, runId, update, set, json));
    }

    @Override
    public boolean evaluated(String runId, long update, String set) {
        return database.query(c -> FindingTables.evaluated(c, runId, update, set));
    }

    @Override
    public List<String> evaluations(String runId) {
        return database.query(c -> FindingTables.evaluations(c, runId));
    }

    @Override
    public CompletableFuture<Void> saveEvent(String runId, EventRow event) {
        return database.submit(c -> RunTable.addEvent(c, runId, event));
    }

    @Override
    public List<EventRow> events(String runId, long from) {
        return database.query(c -> RunTable.events(c, runId, from));
    }

    @Override
    public List<RunRow> runs() {
        return database.query(RunTable::all);
    }

    @Override
    public Optional<RunRow> run(String id) {
        return database.query(c -> RunTable.one(c, id));
    }

    @Override
    public Map<String, Long> countsByPurpose(String runId) {
        return database.query(c -> RolloutTable.byPurpose(c, runId));
    }

    @Override
    public Map<String, Long> tokensByUse(String runId) {
        return database.query(c -> RolloutTable.tokensByUse(c, runId));
    }

    @Override
    public LedgerAudit.Report audit(String runId) {
        Map<String, RolloutState> states = database.query(c -> RolloutTable.states(c, runId));
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
