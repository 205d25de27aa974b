package io.foothold.orchestrator.simulation;

import io.foothold.core.ledger.LedgerAudit;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.ledger.Lease;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The ledger of one process, over a disk that outlives it. Knows one run. */
record SimulatedLedger(
        SimulatedDisk disk,
        SimulatedProcess process,
        @Nullable Lease lease) implements Ledger {
    SimulatedLedger(SimulatedDisk disk, SimulatedProcess process) {
        this(disk, process, null);
    }

    private CompletableFuture<Void> submit(SimulatedDisk.Write write) {
        return disk.submit(process, () -> {
            disk.check(lease);
            write.apply();
        });
    }

    private <T> CompletableFuture<T> giving(Supplier<T> write) {
        AtomicReference<@Nullable T> out = new AtomicReference<>();
        return submit(() -> out.set(write.get())).thenApply(done -> Objects.requireNonNull(out.get()));
    }

    @Override
    public Ledger inRun(Lease own) {
        return new SimulatedLedger(disk, process, own);
    }

    @Override
    public CompletableFuture<Optional<Lease>> claim(
            String runId, String owner, String learner, Optional<Lease.Seen> dead) {
        return giving(() -> disk.claim(runId, owner, learner, dead));
    }

    @Override
    public CompletableFuture<String> renew(Lease own) {
        return giving(() -> disk.renew(own));
    }

    @Override
    public CompletableFuture<Void> release(Lease own) {
        return submit(() -> disk.release(own));
    }

    @Override
    public CompletableFuture<Void> endRun(Lease own, String state, String reason) {
        return submit(() -> {
            disk.state(own.runId(), state, reason);
            disk.release(own);
        });
    }

    @Override
    public CompletableFuture<Boolean> wish(String runId, String wish) {
        return giving(() -> disk.wish(runId, wish));
    }

    @Override
    public CompletableFuture<Boolean> setAside(String runId, String state, String reason) {
        return giving(() -> {
            boolean free = disk.leases.get(runId).owner().isEmpty();
            if (free) {
                disk.state(runId, state, reason);
            }
            return free;
        });
    }

    @Override
    public CompletableFuture<Void> forgetOwners() {
        return submit(() -> disk.leases.replaceAll((id, s) -> new Lease.Seen(id, "", s.token(), s.beat(), "")));
    }

    @Override
    public List<Lease.Seen> leases() {
        return List.copyOf(disk.leases.values());
    }

    @Override
    public CompletableFuture<Void> createRun(String id, String settings, long updates) {
        return submit(() -> {
            disk.runs.put(id, new RunRow(id, settings, "created", 0, updates, ""));
            disk.leases.put(id, new Lease.Seen(id, "", -1, 0, ""));
        });
    }

    @Override
    public CompletableFuture<Void> setRunSettings(String id, String settings) {
        return submit(() -> disk.runs.computeIfPresent(
                id, (same, r) -> new RunRow(id, settings, r.state(), r.updateDone(), r.updates(), r.reason())));
    }

    @Override
    public CompletableFuture<Void> setRunState(String id, String state, String reason) {
        return submit(() -> disk.state(id, state, reason));
    }

    @Override
    public CompletableFuture<Void> reserve(String runId, Group group, List<String> rolloutIds) {
        return submit(() -> disk.reserve(group.id(), group.purpose(), rolloutIds));
    }

    @Override
    public CompletableFuture<Void> record(List<Outcome> outcomes) {
        return submit(() -> disk.record(outcomes));
    }

    @Override
    public CompletableFuture<Void> admit(String runId, long update, List<TrainGroup> groups) {
        return submit(() -> disk.admit(update, groups));
    }

    @Override
    public CompletableFuture<Void> trained(Manifest manifest) {
        return submit(() -> disk.trained(manifest));
    }

    @Override
    public CompletableFuture<Void> dropUnfinished(String runId, String reason) {
        return submit(() -> disk.dropUnfinished(reason));
    }

    @Override
    public List<TrainGroup> admittedBatch(String runId, long update) {
        return disk.batches.getOrDefault(update, List.of());
    }

    @Override
    public List<Manifest> manifests(String runId) {
        return List.copyOf(disk.manifests.values());
    }

    @Override
    public CompletableFuture<Void> savePrefix(String runId, String problemId, int thoughts, boolean fallback) {
        return submit(() -> disk.prefixes.put(problemId, thoughts));
    }

    @Override
    public Map<String, Integer> prefixes(String runId) {
        return new LinkedHashMap<>(disk.prefixes);
    }

    @Override
    public CompletableFuture<Void> savePreparation(String runId, String name, String json) {
        return submit(() -> disk.preparations.put(name, json));
    }

    @Override
    public CompletableFuture<Void> forgetPrepared(String runId) {
        return submit(() -> {
            disk.preparations.keySet().removeAll(List.of("hard_set", "prefix_search"));
            disk.prefixes.clear();
        });
    }

    @Override
    public Optional<String> preparation(String runId, String name) {
        return Optional.ofNullable(disk.preparations.get(name));
    }

    @Override
    public CompletableFuture<Void> saveEvaluation(String runId, long update, String set, String json) {
        return submit(() ->
                disk.evaluations.computeIfAbsent(update, u -> new TreeMap<>()).put(set, json));
    }

    @Override
    public boolean evaluated(String runId, long update, String set) {
        return disk.evaluations.getOrDefault(update, new TreeMap<>()).containsKey(set);
    }

    @Override
    public List<String> evaluations(String runId) {
        List<String> out = new ArrayList<>();
        disk.evaluations.values().forEach(sets -> out.addAll(sets.values()));
        return out;
    }

    @Override
    public CompletableFuture<Void> saveEvent(String runId, EventRow event) {
        return submit(() -> {
            if (disk.events.putIfAbsent(event.number(), event) != null) {
                throw new IllegalStateException("event " + event.number() + " is there already");
            }
        });
    }

    @Override
    public List<EventRow> events(String runId, long from) {
        return List.copyOf(disk.events.tailMap(from, true).values());
    }

    @Override
    public List<RunRow> runs() {
        return List.copyOf(disk.runs.values());
    }

    @Override
    public Optional<RunRow> run(String id) {
        return Optional.ofNullable(disk.runs.get(id));
    }

    @Override
    public Map<String, Long> countsByPurpose(String runId) {
        Map<String, Long> out = new TreeMap<>();
        disk.rollouts.values().forEach(r -> out.merge(r.purpose(), 1L, Long::sum));
        return out;
    }

    @Override
    public Map<String, Long> tokensByUse(String runId) {
        Map<String, Long> out = new TreeMap<>();
        disk.rollouts
                .values()
                .forEach(r -> out.merge(
                        r.state() == RolloutState.CONSUMED ? r.reason() : r.purpose(), (long) r.tokens(), Long::sum));
        return out;
    }

    @Override
    public LedgerAudit.Report audit(String runId) {
        Map<String, RolloutState> states = new LinkedHashMap<>();
        disk.rollouts.forEach((id, r) -> states.put(id, r.state()));
        return LedgerAudit.audit(
                states,
                disk.manifests.values().stream()
                        .map(m -> m.rollouts().stream()
                                .map(Manifest.Trained::rolloutId)
                                .toList())
                        .toList());
    }
}
