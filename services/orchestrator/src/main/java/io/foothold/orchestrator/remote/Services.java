package io.foothold.orchestrator.remote;

import java.time.Duration;

/**
 * The services that a run needs, as the run sees them. Calls are repeated while their service is away, and what a run waits for ends when
 * the run is asked to stop. Thread-safe.
 */
public interface Services {
    /** Where problems and start states come from. */
    Augmentation augmentation();

    /** Where rollouts come from. */
    Sampler sampler();

    /** Where verdicts come from. */
    Verifier verifier();

    /** Where first wrong thoughts are named. */
    Localizer localizer();

    /** Where updates are made. */
    Learner learner();

    /** How calls are repeated. */
    Patience patience();

    /** Pauses, unless the run is asked to stop. */
    void pause(Duration time);

    /** Throws when the run was asked to stop. */
    void checkStopped();

    /**
     * The same services as one run sees them; only the original is ever closed.
     *
     * @param signal ends what the run waits for
     * @param waits told while the run waits for a service that is away
     */
    Services until(StopSignal signal, Waits waits);
}
