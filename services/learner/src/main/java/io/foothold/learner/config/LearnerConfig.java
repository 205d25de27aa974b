package io.foothold.learner.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import io.smallrye.config.WithName;

/** Configuration of the learner. */
@ConfigMapping(prefix = "foothold.learner")
public interface LearnerConfig {
    /** Directory under which runs keep checkpoints, artefacts and manifests. */
    @WithDefault("foothold-home/runs")
    String home();

    /** Groups of one stream that may be under way; bounds the groups of an update. */
    @WithDefault("4096")
    int window();

    /** Directory of the torch worker: package foothold_torch, its pins and env.sh. */
    @WithName("torch.package")
    @WithDefault("services/learner/torch")
    String torchPackage();
}
