package io.foothold.orchestrator.simulation;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.ledger.Lease;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * What outlives the orchestrator's processes. Writes are queued and become durable some at a time, in their order; of what was not flushed
 * when the process died, some may have become durable although nobody was told, and the rest is lost.
 */
final class SimulatedDisk {
    private static final Duration SLOWEST_FLUSH = Duration.ofMillis(12);

    private static final Duration BUSY = Duration.ofMillis(400);

    /** A write; throws before it changed anything, or does all of it. */
    interface Write {
        void apply();
    }

    /** Told of what became durable. */
    interface Watch {
        void reserved(String group, String purpose, String rollout);

        void went(String rollout, Row row);

        void admitted(long update, List<TrainGroup> groups);

        void trained(Manifest manifest);

        void refused(RuntimeException why);
    }

    /** A rollout as the ledger has it. */
    record Row(
            String group,
            String purpose,
            RolloutState state,
            String verdict,
            double reward,
            int tokens,
            String reason) {}

    private record Queued(SimulatedProcess process, Write write, CompletableFuture<Void> done) {}

    final Map<String, Row> rollouts = new LinkedHashMap<>();
    final TreeMap<Long, List<TrainGroup>> batches = new TreeMap<>();
    final TreeMap<Long, Manifest> manifests = new TreeMap<>();
    final TreeMap<String, Integer> prefixes = new TreeMap<>();
    final Map<String, String> preparations = new LinkedHashMap<>();
    final TreeMap<Long, TreeMap<String, String>> evaluations = new TreeMap<>();
    final TreeMap<Long, Ledger.EventRow> events = new TreeMap<>();
    final Map<String, Ledger.RunRow> runs = new LinkedHashMap<>();
    final TreeMap<String, Lease.Seen> leases = new TreeMap<>();
    private String wish = "";
    /** The last refusal of a writer that does not have the run any more. */
    private @Nullable FootholdException formerOwner;

    private final Weather weather;
    private final Watch watch;
    private final List<Queued> queue = new ArrayList<>();
    private boolean flushing;

    SimulatedDisk(Weather weather, Watch watch) {
        this.weather = weather;
        this.watch = watch;
    }

    CompletableFuture<Void> submit(SimulatedProcess process, Write write) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        queue.add(new Queued(process, write, done));
        if (!flushing) {
            flushing = true;
            weather.time.after(weather.upTo(weather.strikes(10) ? BUSY : SLOWEST_FLUSH), this::flush);
        }
        return done;
    }

    private void flush() {
        flushing = false;
        List<Queued> some = List.copyOf(queue);
        queue.clear();
        List<Runnable> told = new ArrayList<>();
        for (Queued q : some) {
            told.add(written(q));
        }
        told.forEach(Runnable::run);
    }

    private Runnable written(Queued q) {
        try {
            q.write().apply();
            return () -> q.done().complete(null);
        } catch (FootholdException | IllegalStateException e) {
            if (e == formerOwner) {
                // An answer that came when the run had ended here: nobody has its lease for it.
                weather.meet("a write of a former owner was refused");
            } else {
                watch.refused(e);
            }
            return () -> q.done().completeExceptionally(e);
        }
    }

    /** A process dies: of its writes so many as chance has it are durable. */
    void lose(SimulatedProcess process) {
        List<Queued> own = queue.stream().filter(q -> q.process() == process).toList();
        queue.removeAll(own);
        int durable = own.isEmpty() ? 0 : weather.random.nextInt(own.size() + 1);
        for (int i = 0; i < own.size(); i++) {
            weather.meet(i < durable ? "write was durable that nobody heard of" : "write was lost");
            if (i < durable) {
                var unused = written(own.get(i));
            }
        }
    }

    void reserve(String group, String purpose, List<String> ids) {
        for (String id : ids) {
            if (rollouts.containsKey(id)) {
                throw new FootholdException(ErrorCode.STORAGE, "rollout " + id + " is there already");
            }
        }
        for (String id : ids) {
            rollouts.put(id, new Row(group, purpose, RolloutState.RESERVED, "", 0, 0, ""));
            watch.reserved(group, purpose, id);
        }
    }

    void state(String runId, String state, String reason) {
        runs.computeIfPresent(
                runId, (same, r) -> new Ledger.RunRow(runId, r.settings(), state, r.updateDone(), r.updates(), reason));
    }

    private Lease.Seen lease(String runId) {
        Lease.Seen seen = leases.get(runId);
        if (seen == null) {
            throw new FootholdException(ErrorCode.NOT_FOUND, "there is no run '" + runId + "'");
        }
        return seen;
    }

    /** Refuses who does not have the run any more. */
    void check(@Nullable Lease lease) {
        if (lease != null) {
            Lease.Seen now = lease(lease.runId());
            if (now.token() != lease.token() || !now.owner().equals(lease.owner())) {
                formerOwner =
                        new FootholdException(ErrorCode.WRONG_STATE, "the run belongs to " + now + ", not to " + lease);
                throw formerOwner;
            }
        }
    }

    Optional<Lease> claim(String runId, String owner, String learner, Optional<Lease.Seen> dead) {
        Lease.Seen now = lease(runId);
        boolean free = now.owner().isEmpty()
                || dead.filter(d -> d.token() == now.token() && d.beat() == now.beat())
                        .isPresent();
        if (!free) {
            return Optional.empty();
        }
        Lease out = new Lease(runId, owner, now.token() + 1);
        leases.put(runId, new Lease.Seen(runId, owner, out.token(), 0, learner));
        wish = "";
        state(runId, "running", "");
        return Optional.of(out);
    }

    String renew(Lease own) {
        Lease.Seen now = lease(own.runId());
        leases.put(own.runId(), new Lease.Seen(now.runId(), now.owner(), now.token(), now.beat() + 1, now.learner()));
        return wish;
    }

    boolean wish(String runId, String what) {
        boolean held = !lease(runId).owner().isEmpty();
        if (held) {
            wish = what;
        }
        return held;
    }

    void release(Lease own) {
        leases.put(own.runId(), new Lease.Seen(own.runId(), "", own.token(), 0, ""));
    }

    private Row row(String id) {
        Row row = rollouts.get(id);
        if (row == null) {
            throw new IllegalStateException("rollout " + id + " was never reserved");
        }
        return row;
    }

    void record(List<Ledger.Outcome> outcomes) {
        Map<String, Row> next = new LinkedHashMap<>();
        for (Ledger.Outcome o : outcomes) {
            Row row = next.getOrDefault(o.rolloutId(), row(o.rolloutId()));
            next.put(
                    o.rolloutId(),
                    new Row(
                            row.group(),
                            row.purpose(),
                            row.state().through(o.rolloutId(), o.steps()),
                            o.verdict(),
                            o.reward(),
                            o.tokens(),
                            o.reason()));
        }
        next.forEach(this::put);
    }

    private void put(String id, Row row) {
        rollouts.put(id, row);
        watch.went(id, row);
    }

    private void step(List<String> ids, RolloutState to) {
        ids.forEach(id -> row(id).state().checkStep(id, to));
        ids.forEach(id -> goes(id, to, row(id).reason()));
    }

    private void goes(String id, RolloutState to, String reason) {
        Row row = row(id);
        put(id, new Row(row.group(), row.purpose(), to, row.verdict(), row.reward(), row.tokens(), reason));
    }

    void admit(long update, List<TrainGroup> groups) {
        if (batches.containsKey(update)) {
            throw new FootholdException(ErrorCode.STORAGE, "a batch of update " + update + " is there already");
        }
        step(groups.stream().flatMap(g -> Words.members(g).stream()).toList(), RolloutState.ADMITTED);
        batches.put(update, List.copyOf(groups));
        watch.admitted(update, groups);
    }

    void trained(Manifest manifest) {
        Manifest known = manifests.get(manifest.update());
        if (known != null && !known.digest().equals(manifest.digest())) {
            throw new FootholdException(
                    ErrorCode.CONFLICT, "update " + manifest.update() + " gave another digest than before");
        }
        if (known == null) {
            step(manifest.rollouts().stream().map(Manifest.Trained::rolloutId).toList(), RolloutState.TRAINED);
            manifests.put(manifest.update(), manifest);
            runs.computeIfPresent(
                    manifest.runId(),
                    (id, r) ->
                            new Ledger.RunRow(id, r.settings(), r.state(), manifest.update(), r.updates(), r.reason()));
            watch.trained(manifest);
        }
        batches.headMap(manifest.kept().oldestUpdate(), true).clear();
    }

    void dropUnfinished(String reason) {
        rollouts.entrySet().stream()
                .filter(e -> switch (e.getValue().state()) {
                    case RESERVED, SAMPLED, VERIFIED -> true;
                    case ADMITTED, TRAINED, CONSUMED, DROPPED -> false;
                })
                .map(Map.Entry::getKey)
                .toList()
                .forEach(id -> goes(id, RolloutState.DROPPED, reason));
    }
}
