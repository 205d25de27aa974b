package io.foothold.verifier.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** Configuration of the verifier. */
@ConfigMapping(prefix = "foothold.verifier")
public interface VerifierConfig {
    /** Responses of one stream that may be under way; at least 1. */
    @WithDefault("1024")
    int window();

    /** Threads that judge answers; at least 1. */
    @WithDefault("1")
    int threads();

    /** Seconds between two rounds of the canaries. */
    @WithDefault("60")
    int canarySeconds();

    /** Programs. */
    Code code();

    /** How programs are run. */
    interface Code {
        /** Programs that run at the same time; at least 1. */
        @WithDefault("2")
        int threads();

        /** The program bwrap, by name or path. */
        @WithDefault("bwrap")
        String bubblewrap();

        /** The Python interpreter, below /usr. */
        @WithDefault("/usr/bin/python3")
        String python();

        /** Most that a program may print, KiB. */
        @WithDefault("1024")
        int outputKb();
    }
}
