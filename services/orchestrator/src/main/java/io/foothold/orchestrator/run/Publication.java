package io.foothold.orchestrator.run;

import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.update.Artefact;
import java.time.Duration;

/** Brings policies to the inference servers and tells of it. Blocks its caller; one policy at a time. */
final class Publication {
    private final LearnerLink learner;
    private final RolloutSource rollouts;
    private final PolicyPublisher publisher;
    private final RunLog log;

    Publication(LearnerLink learner, RolloutSource rollouts, PolicyPublisher publisher, RunLog log) {
        this.learner = learner;
        this.rollouts = rollouts;
        this.publisher = publisher;
        this.log = log;
    }

    void publish(Artefact artefact) {
        learner.store(artefact);
        rollouts.publishing(artefact.policy().number());
        Duration pause = publisher.publish(artefact);
        log.event(new Happening.PolicyPublished(
                artefact.policy().number(), artefact.policy().digest(), pause.toNanos() / 1000));
    }
}
