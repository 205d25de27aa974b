package io.foothold.cli.process;

import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.config.Runs;
import io.foothold.orchestrator.run.RunManager;
import io.quarkus.arc.Arc;
import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.QuarkusApplication;
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

    private static final AtomicReference<@Nullable Job> JOB = new AtomicReference<>();
    private static final AtomicReference<@Nullable Exception> FAILURE = new AtomicReference<>();

    private AllInOne() {}

    /** A port that was free a moment ago. */
    public static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "no free port on loopback: " + e.getMessage(), e);
        }
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
        for (String peer : new String[] {"augmentation", "learner"}) {
            System.setProperty("quarkus.grpc.clients." + peer + ".port", Integer.toString(port));
        }
        for (String peer : new String[] {"sampler", "verifier", "localizer"}) {
            System.setProperty("foothold.peer." + peer + ".port", Integer.toString(port));
        }
        settings.forEach(System::setProperty);
        JOB.set(job);
        AtomicReference<@Nullable Throwable> startup = new AtomicReference<>();
        AtomicInteger code = new AtomicInteger(1);
        Quarkus.run(App.class, (exitCode, cause) -> {
            code.set(exitCode);
            if (cause != null) {
                startup.set(cause);
            }
        });
        Exception failure = FAILURE.get();
        if (failure != null) {
            throw failure;
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

    /** The job inside the container. */
    public static final class App implements QuarkusApplication {
        @Override
        public int run(String... args) {
            Job job = JOB.get();
            if (job == null) {
                return 1;
            }
            try {
                return job.run(Arc.container().instance(Runs.class).get().manager());
            } catch (Exception e) {
                FAILURE.set(e);
                return 1;
            }
        }
    }
}
