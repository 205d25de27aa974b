package io.foothold.orchestrator.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;

/** Configuration of the orchestrator. */
@ConfigMapping(prefix = "foothold.orchestrator")
public interface OrchestratorConfig {
    /** Directory under which runs keep completions and TensorBoard files. */
    @WithDefault("foothold-home/runs")
    String home();

    /** Time a group may take through the sampler, or an update through the learner. */
    @WithDefault("30m")
    Duration deadline();
}
