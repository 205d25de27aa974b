package io.foothold.verifier.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Configuration of the verifier. */
@ConfigMapping(prefix = "foothold.verifier")
public interface VerifierConfig {
    /** Responses of one stream that may be under way; at least 1. */
    @WithDefault("1024")
    int window();

    /** Threads that judge; at least 1. */
    @WithDefault("1")
    int threads();
}
