package io.foothold.localizer.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Configuration of the localizer. */
@ConfigMapping(prefix = "foothold.localizer")
public interface LocalizerConfig {
    /** Rollouts of one stream that may be under way; at least 1. */
    @WithDefault("256")
    int window();
}
