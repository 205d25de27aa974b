package io.foothold.learner.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Configuration of the learner. */
@ConfigMapping(prefix = "foothold.learner")
public interface LearnerConfig {
    /** Directory under which runs keep checkpoints, artefacts and manifests. */
    @WithDefault("foothold-home/runs")
    String home();

    /** Groups of one stream that may be under way; bounds the groups of an update. */
    @WithDefault("4096")
    int window();
}
