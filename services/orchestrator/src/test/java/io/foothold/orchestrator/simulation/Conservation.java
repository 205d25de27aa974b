package io.foothold.orchestrator.simulation;

import io.foothold.core.ledger.RolloutState;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What must hold whatever goes wrong, looked at as it happens on the disk and in the learner, by rules of its own: each rollout ends once, none is
 * trained twice, no token is staler than it may be, no group loses a member in silence, updates follow one another without a gap, and what is
 * trained lies on the disk.
 */
final class Conservation implements SimulatedDisk.Watch, SimulatedLearner.Watch {
    private final long staleness;
    private final Set<Integer> sizes;
    private final Map<String, SimulatedDisk.Row> rollouts = new HashMap<>();
    private final Map<String, List<String>> byGroup = new LinkedHashMap<>();
    private final Set<String> ended = new HashSet<>();
    private final Set<String> admitted = new HashSet<>();
    private final Map<Long, List<String>> batches = new HashMap<>();
    private long lastTrained;
    private @Nullable String violation;

    /**
     * Nothing happened yet.
     *
     * @param staleness S, in versions
     * @param sizes that a group may have
     */
    Conservation(long staleness, Set<Integer> sizes) {
        this.staleness = staleness;
        this.sizes = sizes;
    }

    /** Throws what was violated. */
    void check() {
        if (violation != null) {
            throw new AssertionError(violation);
        }
    }

    private void must(boolean holds, String what) {
        if (!holds && violation == null) {
            violation = what;
        }
    }

    @Override
    public void reserved(String group, String purpose, String rollout) {
        must(
                rollouts.put(rollout, new SimulatedDisk.Row(group, purpose, RolloutState.RESERVED, "", 0, 0, ""))
                        == null,
                "rollout " + rollout + " was reserved twice");
        byGroup.computeIfAbsent(group, g -> new ArrayList<>()).add(rollout);
    }

    @Override
    public void went(String rollout, SimulatedDisk.Row row) {
        must(rollouts.put(rollout, row) != null, "rollout " + rollout + " was never reserved");
        must(!ended.contains(rollout), "rollout " + rollout + " had its end and became " + row.state());
        if (row.state().ended()) {
            ended.add(rollout);
            must(
                    row.state() == RolloutState.TRAINED || !row.reason().isEmpty(),
                    "rollout " + rollout + " was " + row.state() + " without a reason");
        }
    }

    @Override
    public void admitted(long update, List<TrainGroup> groups) {
        must(update == batches.size() + 1, "update " + update + " was admitted behind " + batches.size());
        List<String> ids = new ArrayList<>();
        for (TrainGroup group : groups) {
            List<String> members = Words.members(group);
            ids.addAll(members);
            must(
                    sizes.contains(members.size()),
                    "group " + group.id() + " was admitted with " + members.size() + " members, expected one of "
                            + sizes);
            for (String id : byGroup.getOrDefault(group.id(), List.of())) {
                must(
                        members.contains(id) || ended.contains(id),
                        "rollout " + id + " of group " + group.id() + " is neither a member nor ended");
            }
        }
        ids.forEach(id -> must(admitted.add(id), "rollout " + id + " was admitted twice"));
        batches.put(update, ids);
    }

    @Override
    public void learns(long update, long version, List<SimulatedLearner.Group> groups) {
        List<String> ids = groups.stream()
                .flatMap(g -> g.members().stream())
                .map(SimulatedLearner.Member::id)
                .toList();
        must(
                ids.equals(batches.get(update)),
                "update " + update + " is made of " + ids + ", the disk has " + batches.get(update));
        for (SimulatedLearner.Group group : groups) {
            for (SimulatedLearner.Member member : group.members()) {
                for (long sampled : member.versions()) {
                    must(
                            sampled <= version && version - sampled <= staleness,
                            "update " + update + " trains version " + version + " on a token of version " + sampled
                                    + " in " + member.id());
                }
            }
        }
    }

    @Override
    public void trained(Manifest manifest) {
        must(manifest.update() == lastTrained + 1, "update " + manifest.update() + " was made behind " + lastTrained);
        lastTrained = manifest.update();
        List<String> ids =
                manifest.rollouts().stream().map(Manifest.Trained::rolloutId).toList();
        must(
                ids.equals(batches.get(manifest.update())),
                "the manifest of update " + manifest.update() + " names others than were admitted");
    }

    @Override
    public void refused(RuntimeException why) {
        must(false, "the ledger refused a write: " + why.getMessage());
    }

    /** Throws unless everything has its end and so many updates were made. */
    void checkEnd(long updates) {
        must(lastTrained == updates, "the run ended behind update " + lastTrained + " of " + updates);
        rollouts.forEach((id, row) -> must(ended.contains(id), "rollout " + id + " has no end, it is " + row.state()));
        check();
    }
}
