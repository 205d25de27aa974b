package io.foothold.orchestrator.config;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Configuration of the orchestrator. */
@ConfigMapping(prefix = "foothold.orchestrator")
public interface OrchestratorConfig {
    /** Directory under which runs keep completions and TensorBoard files. */
    @WithDefault("foothold-home/runs")
    String home();

    /** Time a group may take through the sampler, or an update through the learner. */
    @WithDefault("30m")
    Duration deadline();

    /** Time a run waits for a service that went away before it ends. */
    @WithDefault("5m")
    Duration patience();

    /** Time a verdict of the verifier service may take; beyond it the rollout has none. */
    @WithDefault("10m")
    Duration verdict();

    /** The same of a verifier that a run file names. */
    @WithDefault("1m")
    Duration ownVerdict();

    /** Verifiers of one's own that run files may name, HOST:PORT each, or * for any; none by default. */
    Optional<List<String>> verifiers();

    /** How long a run belongs to an orchestrator that nothing is heard of; then another one with the same ledger goes on with it. */
    @WithDefault("15s")
    Duration lease();

    /** Whether runs whose process died go on in this one by themselves, and runs that wait for a learner begin. */
    @WithDefault("true")
    boolean adopt();

    /** Largest run file that a request may bring, in bytes. */
    @WithDefault("1M")
    MemorySize largestRunFile();

    /** Time in which the body of a REST request must be here; then its connection is closed. */
    @WithDefault("30s")
    Duration bodyDeadline();
}
