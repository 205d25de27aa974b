package io.foothold.verifier.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

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

    /** The Python interpreter of functions of run files, by path or name: of a name the first on PATH that the sandbox can run. */
    @WithDefault("python3")
    String python();

    /** Functions of run files. */
    Functions functions();

    /** How functions of run files are run. */
    interface Functions {
        /** Whether they are: whoever may create runs may then have code of his run in the sandbox, with the network if he asks for it. */
        @WithDefault("false")
        boolean allowed();

        /** Processes of each function; at least 1. */
        @WithDefault("2")
        int processes();
    }

    /** Judges that run files name. */
    Judge judge();

    /** How judges that run files name are called. */
    interface Judge {
        /** Base URLs that run files may name, or * for any; none by default. */
        Optional<List<String>> urls();

        /** Bearer token, for URLs that are named above and never for *. */
        Optional<String> apiKey();

        /** Calls at the same time; at least 1. */
        @WithDefault("16")
        int parallel();

        /** Answers that are kept, so that the same response is not asked about twice. */
        @WithDefault("10000")
        int cached();
    }

    /** Reward models that run files name. */
    RewardModel rewardModel();

    /** How reward models that run files name are called. */
    interface RewardModel {
        /** Servers that run files may name, grpc://HOST:PORT or grpcs://HOST:PORT each, or * for any; none by default. */
        Optional<List<String>> servers();

        /** Certificates in PEM of those who sign the certificates of servers with grpcs; those that the JVM knows by default. */
        Optional<Path> authorities();

        /** Calls at the same time; at least 1. */
        @WithDefault("8")
        int parallel();
    }

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

        /** Most that a program, or a call of a function, may print, KiB. */
        @WithDefault("1024")
        int outputKb();
    }
}
