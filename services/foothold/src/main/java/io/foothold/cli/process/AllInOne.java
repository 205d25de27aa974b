package io.foothold.cli.process;

import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.config.Runs;
import io.foothold.orchestrator.run.RunManager;
import io.quarkus.arc.Unremovable;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
import jakarta.enterprise.context.Dependent;
import jakarta.inject.Inject;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Starts every service in this process, over real gRPC on one loopback port, runs a job and stops them again. */
public final class AllInOne {
    /** What is done while the services run; gives the exit code. */
    public interface Job {
        int run(RunManager runs) throws Exception;
    }

    /** Where the learner finds the torch worker. */
    static final String TORCH_PACKAGE = "foothold.learner.torch.package";

    /** The container makes the application and runs it on the caller's thread; within that call, and nowhere else, this is its job. */
    private static final ScopedValue<Outcome> OUTCOME = ScopedValue.newInstance();

    private AllInOne() {}

    /** A port that was free a moment ago. */
    public static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "no free port on loopback: " + e.getMessage(), e);
        }
    }

    /** What says where a browser finds the console of services at this port. */
    public static String consoleAt(int port) {
        return "console: http://127.0.0.1:" + port + "/ as soon as the services listen";
    }

    /**
     * Runs a job.
     *
     * @param settings configuration of the services, beside the ports
     */
    public static int run(Path home, int port, Map<String, String> settings, Job job) throws Exception {
        Path absolute = home.toAbsolutePath().normalize();
        System.setProperty("foothold.home", absolute.toString());
        System.setProperty(
                "foothold.orchestrator.home", absolute.resolve("runs").toString());
        System.setProperty("foothold.learner.home", absolute.resolve("runs").toString());
        System.setProperty(TORCH_PACKAGE, Workspace.torchPackage().toString());
        System.setProperty("quarkus.http.port", Integer.toString(port));
        System.setProperty("foothold.sampler.endpoints", "127.0.0.1:" + port);
        for (String peer : new String[] {"augmentation", "sampler", "verifier", "localizer", "learner"}) {
            System.setProperty("foothold.peer." + peer + ".port", Integer.toString(port));
        }
        settings.forEach(System::setProperty);
        Outcome outcome = new Outcome(job);
        AtomicReference<@Nullable Throwable> startup = new AtomicReference<>();
        AtomicInteger code = new AtomicInteger(1);
        ScopedValue.where(OUTCOME, outcome)
                .run(() -> Quarkus.run(App.class, (exitCode, cause) -> {
                    code.set(exitCode);
                    if (cause != null) {
                        startup.set(cause);
                    }
                }));
        if (outcome.failure != null) {
            throw outcome.failure;
        }
        Throwable cause = startup.get();
        if (cause != null) {
            Throwable root = cause;
            while (root.getCause() != null) {
                root = java.util.Objects.requireNonNull(root.getCause());
            }
            throw new FootholdException(
                    ErrorCode.PEER_UNAVAILABLE, "the services did not start: " + root.getMessage(), cause);
        }
        return code.get();
    }

    /** A job, and the failure that ended it. */
    private static final class Outcome {
        private final Job job;
        private @Nullable Exception failure;

        private Outcome(Job job) {
            this.job = job;
        }
    }

    /** What runs inside the container. */
    @Dependent
    @Unremovable
    public static final class App implements QuarkusApplication {
        private final Runs runs;

        /** Made by the container. */
        @Inject
        public App(Runs runs) {
            this.runs = runs;
        }

        @Override
        public int run(String... args) {
            Outcome outcome = OUTCOME.get();
            try {
                return outcome.job.run(runs.manager());
            } catch (Exception e) {
                outcome.failure = e;
                return 1;
            }
        }
    }
}
