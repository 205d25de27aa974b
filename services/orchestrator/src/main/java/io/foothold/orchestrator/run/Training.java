package io.foothold.orchestrator.run;

import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.update.Manifest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Makes updates: of places a batch, durable before the learner has it, and of the batch a manifest. Blocks its caller. */
final class Training {
    private final RunSpec spec;
    private final Ledger ledger;
    private final LearnerLink learner;
    private final GroupRunner groups;
    private final TeacherPrompts teachers;

    Training(RunSpec spec, Ledger ledger, LearnerLink learner, GroupRunner groups, TeacherPrompts teachers) {
        this.spec = spec;
        this.ledger = ledger;
        this.learner = learner;
        this.groups = groups;
        this.teachers = teachers;
    }

    /**
     * Admits places to an update.
     *
     * @throws FootholdException when this or what is known of their rollouts could not be written
     */
    List<TrainGroup> admit(long update, List<FilledPlace> places) {
        List<TrainGroup> batch = batch(update, places);
        try {
            Ledger.await(ledger.admit(spec.runId(), update, batch));
        } catch (FootholdException e) {
            // What it was queued behind says more.
            groups.checkWrites();
            throw e;
        }
        groups.checkWrites();
        return batch;
    }

    private List<TrainGroup> batch(long update, List<FilledPlace> places) {
        List<FilledGroup> members =
                places.stream().flatMap(p -> p.groups().stream()).toList();
        Map<String, List<Integer>> taught = teachers.of(members);
        List<TrainGroup> out = new ArrayList<>();
        for (int i = 0; i < members.size(); i++) {
            FilledGroup group = members.get(i);
            List<Integer> teacher = TeacherPrompts.taught(group)
                    ? taught.getOrDefault(group.start().problemId(), List.of())
                    : List.of();
            out.add(new TrainGroup(
                    spec.runId(),
                    update,
                    i,
                    members.size(),
                    group.id(),
                    group.start().trace(),
                    group.members().stream().map(m -> m.rewarded(teacher)).toList()));
        }
        return out;
    }

    /** Trains an admitted batch and takes over what came of it. */
    Manifest train(List<TrainGroup> batch) {
        Manifest manifest = learner.train(batch);
        Ledger.await(ledger.trained(manifest));
        return manifest;
    }
}
