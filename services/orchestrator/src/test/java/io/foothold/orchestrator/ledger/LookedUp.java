package io.foothold.orchestrator.ledger;

import io.foothold.core.ledger.RolloutState;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.orchestrator.rollout.Rollouts;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.Manifest;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Updates in a ledger for those who look them up. */
public final class LookedUp {
    private LookedUp() {}

    /** An update with one group of two rollouts from a start, the first of which passed. */
    public static void trained(Ledger ledger, String run, long update, String problem, String start) {
        String group = run + "/" + update + "/" + start;
        List<String> ids = List.of(group + "/0", group + "/1");
        Ledger.await(ledger.reserve(run, new Ledger.Group(group, "train", problem, start), ids));
        List<RolloutState> steps = List.of(RolloutState.SAMPLED, RolloutState.VERIFIED);
        Ledger.await(ledger.record(List.of(
                new Ledger.Outcome(ids.get(0), steps, "PASS", 1, 10, ""),
                new Ledger.Outcome(ids.get(1), steps, "FAIL", 0, 30, ""))));
        List<TrainGroup.Member> members = ids.stream()
                .map(id -> new TrainGroup.Member(Rollouts.named(id), 0, List.of()))
                .toList();
        Ledger.await(ledger.admit(run, update, List.of(new TrainGroup(run, update, 0, 1, group, "", members))));
        Ledger.await(ledger.trained(new Manifest(
                run,
                update,
                new Artefact(new PolicyVersion(update, "d" + update), "file:/p", Optional.empty(), Optional.empty()),
                new Manifest.Steps(1, 1),
                List.of(new Manifest.Trained(ids.get(0), 0.5), new Manifest.Trained(ids.get(1), -0.5)),
                new Manifest.Kept(update, update),
                Map.of("loss", 0.25),
                "settings")));
    }
}
