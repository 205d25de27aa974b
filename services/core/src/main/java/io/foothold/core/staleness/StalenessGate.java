package io.foothold.core.staleness;

import java.util.HashMap;
import java.util.Map;

/**
 * Decides whether the learner may make another policy version. With V the oldest version stamped on a token of any rollout
 * that has been reserved and has not ended (a rollout without tokens counts the version current at its reservation), the
 * learner may not pass V + S. So no token that is ever trained is staler than S versions.
 *
 * <p>Not thread-safe: owned by the loop of one run.
 */
public final class StalenessGate {
    private final long bound;
    private final Map<String, Long> oldest = new HashMap<>();

    /**
     * A gate.
     *
     * @param bound S, in versions; 0 is synchronous training
     */
    public StalenessGate(long bound) {
        if (bound < 0) {
            throw new IllegalArgumentException("the staleness bound is negative: " + bound);
        }
        this.bound = bound;
    }

    /** A rollout was reserved while {@code version} was current. */
    public void reserved(String rolloutId, long version) {
        if (oldest.putIfAbsent(rolloutId, version) != null) {
            throw new IllegalStateException("rollout " + rolloutId + " is reserved already");
        }
    }

    /**
     * The tokens of a rollout are known.
     *
     * @param oldestVersion the smallest version stamped on one of them
     */
    public void sampled(String rolloutId, long oldestVersion) {
        if (oldest.computeIfPresent(rolloutId, (id, v) -> oldestVersion) == null) {
            throw new IllegalStateException("rollout " + rolloutId + " is not under way");
        }
    }

    /** A rollout ended, trained or not. */
    public void ended(String rolloutId) {
        if (oldest.remove(rolloutId) == null) {
            throw new IllegalStateException("rollout " + rolloutId + " is not under way");
        }
    }

    /** Rollouts under way. */
    public int underWay() {
        return oldest.size();
    }

    /** The oldest version under way, or {@code current} when nothing is. */
    public long oldestVersion(long current) {
        return oldest.values().stream().mapToLong(Long::longValue).min().orElse(current);
    }

    /**
     * Whether the learner may make {@code version} with what is left under way. Beside the bound itself this looks ahead: what
     * is left must fit, oldest first, into the updates that come before it would be too stale; for every d, at most
     * (d + 1) batches' worth may be d versions away from the limit. Otherwise rollouts that ended too late would never be
     * admitted. With at most (S + 1) batches under way and oldest-first batches, waiting for stragglers always opens the gate.
     *
     * @param batch rollouts of one update
     */
    public boolean mayMake(long version, int batch) {
        if (version > oldestVersion(version) + bound) {
            return false;
        }
        for (long d = 0; d <= bound; d++) {
            long limit = version - bound + d;
            long count = oldest.values().stream().filter(v -> v <= limit).count();
            if (count > (d + 1) * batch) {
                return false;
            }
        }
        return true;
    }

    /**
     * Whether another rollout may be reserved: with it, everything under way still fits into the updates that come before it would be too
     * stale, as in {@link #mayMake}. Where the policy that samples is behind the learner's this allows fewer of them.
     *
     * @param version that it would count, at most {@code made}
     * @param made the learner's version, counting one that it is making
     * @param batch rollouts of one update
     */
    public boolean mayReserve(long version, long made, int batch) {
        if (made > version + bound) {
            return false;
        }
        for (long d = 0; d <= bound; d++) {
            long limit = made - bound + d;
            long count = oldest.values().stream().filter(v -> v <= limit).count() + (version <= limit ? 1 : 0);
            if (count > (d + 1) * batch) {
                return false;
            }
        }
        return true;
    }
}
