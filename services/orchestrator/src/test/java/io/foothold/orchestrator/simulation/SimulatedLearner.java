package io.foothold.orchestrator.simulation;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.random.Seeds;
import io.foothold.orchestrator.remote.Holder;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.orchestrator.update.Opened;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The learner. Its weights are a digest of everything that was ever trained, in order. What lies in a checkpoint and the manifests outlive it;
 * a checkpoint may be damaged when it dies. One thing is computed at a time.
 */
final class SimulatedLearner extends SimulatedNode {
    /** Digest of the policy that a run begins with. */
    static final String BASE = "base";

    private static final Duration LONGEST_UPDATE = Duration.ofMillis(400);
    private static final Duration SHORT = Duration.ofMillis(20);
    private static final Duration LEASE = Duration.ofSeconds(60);

    /** A rollout to train on. */
    record Member(String id, List<Integer> given, List<Integer> tokens, List<Long> versions, double reward) {}

    /** A group to train on. */
    record Group(String id, long update, int index, int groupsInUpdate, List<Member> members) {
        /** What a stream calls it. */
        String key() {
            return update + "/" + index;
        }
    }

    /** What became of a group: of the last of an update the manifest. */
    record Outcome(@Nullable Manifest manifest, @Nullable FootholdException failure) {}

    /** Told of updates as they are begun. */
    interface Watch {
        void learns(long update, long version, List<Group> groups);
    }

    private record Weights(long update, long version, String digest) {}

    private static final class Assembly {
        final TreeMap<Integer, Group> groups = new TreeMap<>();
        final Map<Integer, CreditedService.Results<Down<Outcome>>> waiting = new LinkedHashMap<>();
        boolean taken;
    }

    private final String runId;
    private final int checkpointEvery;
    private final int checkpointsKept;
    private final Watch watch;
    private final List<Weights> checkpoints = new ArrayList<>();
    private final Map<Long, Manifest> manifests = new HashMap<>();
    private final Map<Long, Assembly> assemblies = new HashMap<>();
    private @Nullable Weights weights;
    private @Nullable Holder holder;
    private long heard;
    private long busyUntil;

    SimulatedLearner(Weather weather, String runId, int checkpointEvery, int checkpointsKept, Watch watch) {
        super(weather, "learner");
        this.runId = runId;
        this.checkpointEvery = checkpointEvery;
        this.checkpointsKept = checkpointsKept;
        this.watch = watch;
    }

    @Override
    void forget() {
        weights = null;
        holder = null;
        assemblies.clear();
        busyUntil = 0;
        if (checkpoints.size() > 1 && weather.strikes(4)) {
            weather.meet("checkpoint damaged");
            checkpoints.removeLast();
        }
    }

    private <T> CompletableFuture<T> computed(Duration longest, Supplier<T> work) {
        CompletableFuture<T> out = new CompletableFuture<>();
        long now = weather.time.now();
        busyUntil = Math.max(now, busyUntil) + weather.upTo(longest).toNanos();
        after(Duration.ofNanos(busyUntil - now), () -> {
            try {
                out.complete(work.get());
            } catch (FootholdException e) {
                out.completeExceptionally(e);
            }
        });
        return out;
    }

    CompletableFuture<Opened> open(Holder next) {
        Holder now = holder;
        if (now != null
                && !now.equals(next)
                && next.incarnation() <= now.incarnation()
                && weather.time.now() - heard < LEASE.toNanos()) {
            throw new FootholdException(ErrorCode.CONFLICT, "the learner has the run under way for another process");
        }
        holder = next;
        heard = weather.time.now();
        return computed(SHORT, () -> {
            Weights at = weights;
            if (at == null) {
                at = checkpoints.isEmpty() ? new Weights(0, 0, BASE) : checkpoints.getLast();
                weights = at;
            }
            return new Opened(at.update(), artefact(at), List.of());
        });
    }

    void keep(Holder who) {
        if (who.equals(holder)) {
            heard = weather.time.now();
        }
    }

    CompletableFuture<Boolean> close(Holder who) {
        return computed(SHORT, () -> {
            if (who.equals(holder)) {
                holder = null;
                weights = null;
                assemblies.clear();
            }
            return true;
        });
    }

    CompletableFuture<Boolean> checkpoint() {
        return computed(SHORT, () -> {
            save(opened());
            return true;
        });
    }

    /** Under a label it is kept beside those that a run goes on from. */
    CompletableFuture<Boolean> checkpoint(String label) {
        return computed(SHORT, () -> {
            var unused = opened();
            return true;
        });
    }

    private Weights opened() {
        Weights at = weights;
        if (at == null) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "the run is not open");
        }
        return at;
    }

    private void save(Weights at) {
        checkpoints.removeIf(c -> c.update() >= at.update());
        checkpoints.add(at);
        if (checkpoints.size() > checkpointsKept) {
            checkpoints.removeFirst();
        }
    }

    /** A group came; when its update is complete, or was made before, it is answered. */
    void train(Group group, CreditedService.Results<Down<Outcome>> results) {
        heard = weather.time.now();
        Assembly assembly = assemblies.computeIfAbsent(group.update(), u -> new Assembly());
        assembly.groups.put(group.index(), group);
        assembly.waiting.put(group.index(), results);
        var unused = computed(SHORT, () -> {
            Weights at = weights;
            boolean known = at == null || group.update() <= at.update();
            if (!assembly.taken && (known || assembly.groups.size() == group.groupsInUpdate())) {
                assembly.taken = true;
                assemblies.remove(group.update(), assembly);
                finish(group.update(), group.groupsInUpdate(), assembly);
            }
            return true;
        });
    }

    /** At once, as nothing comes between on the learner's one thread; what it takes, answers wait for. */
    private void finish(long update, int groups, Assembly assembly) {
        Outcome last;
        Outcome other;
        try {
            last = new Outcome(made(update, List.copyOf(assembly.groups.values())), null);
            other = new Outcome(null, null);
        } catch (FootholdException e) {
            last = new Outcome(null, e);
            other = last;
        }
        Outcome ofLast = last;
        Outcome ofOthers = other;
        var unused = computed(LONGEST_UPDATE, () -> {
            assembly.waiting.forEach((index, results) -> {
                results.emit(new Down<>(0, update + "/" + index, index == groups - 1 ? ofLast : ofOthers));
                results.done();
            });
            return true;
        });
    }

    private Manifest made(long update, List<Group> batch) {
        Weights at = opened();
        if (update > at.update() + 1) {
            throw new FootholdException(
                    ErrorCode.WRONG_STATE, "update " + update + " cannot follow update " + at.update());
        }
        if (update <= at.update()) {
            Manifest known = manifests.get(update);
            if (known == null) {
                throw new FootholdException(ErrorCode.NOT_FOUND, "there is no manifest of update " + update);
            }
            return known;
        }
        watch.learns(update, at.version(), batch);
        Manifest manifest = learned(at, update, batch);
        manifests.put(update, manifest);
        return manifest;
    }

    private Manifest learned(Weights at, long update, List<Group> batch) {
        Seeds digest = Seeds.of(0).split(at.digest());
        List<Manifest.Trained> trained = new ArrayList<>();
        int withSignal = 0;
        double rewards = 0;
        for (Group group : batch) {
            double mean = group.members().stream()
                    .mapToDouble(Member::reward)
                    .average()
                    .orElseThrow();
            boolean signal = false;
            for (Member m : group.members()) {
                double advantage = m.reward() - mean;
                signal |= advantage != 0;
                rewards += m.reward();
                trained.add(new Manifest.Trained(m.id(), advantage));
                digest = digest.split(m.given().hashCode())
                        .split(m.tokens().hashCode())
                        .split(m.versions().hashCode())
                        .split(Double.doubleToLongBits(advantage));
            }
            withSignal += signal ? 1 : 0;
        }
        Weights next = new Weights(
                update,
                withSignal > 0 ? at.version() + 1 : at.version(),
                withSignal > 0 ? Long.toHexString(digest.value()) : at.digest());
        weights = next;
        if (update % checkpointEvery == 0) {
            save(next);
        }
        return new Manifest(
                runId,
                update,
                artefact(next),
                new Manifest.Steps(withSignal > 0 ? 1 : 0, withSignal),
                trained,
                new Manifest.Kept(
                        checkpoints.isEmpty() ? 0 : checkpoints.getLast().update(),
                        checkpoints.size() < checkpointsKept
                                ? 0
                                : checkpoints.getFirst().update()),
                Map.of("reward_mean", rewards / trained.size(), "sampled_tokens", 1.0),
                "settings");
    }

    private static Artefact artefact(Weights weights) {
        return new Artefact(
                new PolicyVersion(weights.version(), weights.digest()),
                "file:/policy",
                Optional.empty(),
                Optional.empty());
    }
}
