package io.foothold.cli;

import io.foothold.cli.conformance.Conformance;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.terminal.Words;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** A real tritonserver for local work, and the suite that every inference server must pass. */
@Command(
        name = "triton",
        mixinStandardHelpOptions = true,
        description =
                "Starts a real tritonserver on loopback without Docker, and asks inference servers for conformance.",
        subcommands = {
            TritonCommand.Start.class,
            TritonCommand.Stop.class,
            TritonCommand.State.class,
            TritonCommand.Conform.class
        })
final class TritonCommand implements Callable<Integer> {
    @Override
    public Integer call() {
        throw new FootholdException(
                ErrorCode.INVALID_INPUT, "triton needs a command: start, stop, status or conformance");
    }

    /** Where the server and its process id live. */
    abstract static class Local {
        @Option(
                names = "--dir",
                description = "Directory of the server, its Python environment and its log; no blanks "
                        + "(default: target/triton of the checkout).")
        private Path dir =
                Workspace.root().resolve("target/triton").toAbsolutePath().normalize();

        Path dir() {
            return dir;
        }

        Optional<ProcessHandle> process() {
            Path file = dir.resolve("server.pid");
            try {
                return Files.exists(file)
                        ? ProcessHandle.of(Long.parseLong(Files.readString(file).strip()))
                                .filter(ProcessHandle::isAlive)
                                .filter(p -> p.info().command().orElse("").endsWith("tritonserver"))
                        : Optional.empty();
            } catch (IOException | NumberFormatException e) {
                throw new FootholdException(ErrorCode.INVALID_DATA, file + " holds no process id", e);
            }
        }
    }

    /** Starts a server. */
    @Command(
            name = "start",
            mixinStandardHelpOptions = true,
            description =
                    "Lays out and starts tritonserver 2.51 with the policy model (Linux x86-64, glibc 2.35, Python 3.11; the "
                            + "first start downloads it from PyPI). When it is ended before the server is ready, nothing of the server is left.")
    static final class Start extends Local implements Callable<Integer> {
        /** What may draw the tokens. */
        static final class Engines extends Words {
            Engines() {
                super(List.of("reference", "transformers", "vllm", "uniform"));
            }
        }

        /** What may become of sequences under way. */
        static final class Changes extends Words {
            Changes() {
                super(List.of("recompute", "keep"));
            }
        }

        /** What may be taken of adapters. */
        static final class Publications extends Words {
            Publications() {
                super(List.of("merged", "adapter"));
            }
        }

        @Option(names = "--policy", description = "Hugging Face directory (default: the demo's policy).")
        private Path policy = Workspace.dialPolicy();

        @Option(
                names = "--port",
                description = "gRPC port; HTTP and metrics are the next two (default: ${DEFAULT-VALUE}).")
        private int port = 9211;

        @Option(
                names = "--engine",
                completionCandidates = Engines.class,
                paramLabel = "NAME",
                description =
                        "What draws the tokens: reference (numpy, three families), transformers (every family, float32; the torch "
                                + "backend's environment), vllm (the first start makes its environment of 6.2 GB in "
                                + "~/.cache/foothold; FOOTHOLD_VLLM_ENV names another), uniform (no model) (default: FOOTHOLD_ENGINE, "
                                + "or reference).")
        private @Nullable String engine;

        @Option(
                names = "--weight-change",
                completionCandidates = Changes.class,
                paramLabel = "NAME",
                description =
                        "What becomes of sequences under way when the weights change: recompute (what they hold is computed "
                                + "anew) or keep (they go on with their keys of older weights) (default: the engine's own; "
                                + "op status tells it).")
        private @Nullable String weightChange;

        @Option(
                names = "--adapters",
                completionCandidates = Publications.class,
                paramLabel = "NAME",
                description =
                        "What is taken of a publication of adapters: merged (the merged weights) or adapter (the adapters, on the "
                                + "weights of --policy) (default: merged).")
        private @Nullable String adapters;

        @Option(
                names = "--timeout",
                paramLabel = "SECONDS",
                description = "How long the server may take to become ready (default: as long as it lives).")
        private @Nullable Integer timeout;

        @Override
        public Integer call() throws IOException, InterruptedException {
            if (timeout != null && timeout < 1) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, "--timeout must be at least 1 second, got " + timeout);
            }
            if (process().isPresent()) {
                throw new FootholdException(
                        ErrorCode.WRONG_STATE,
                        "a tritonserver of " + dir() + " runs already, process "
                                + process().get().pid() + " (./foothold triton stop ends it)");
            }
            List<String> command = new ArrayList<>();
            command.add(Workspace.root().resolve("k8s/triton/start.sh").toString());
            if (engine != null) {
                command.addAll(List.of("--engine", engine));
            }
            if (weightChange != null) {
                command.addAll(List.of("--weight-change", weightChange));
            }
            if (adapters != null) {
                command.addAll(List.of("--adapters", adapters));
            }
            if (timeout != null) {
                command.addAll(List.of("--timeout", Integer.toString(timeout)));
            }
            command.addAll(List.of(dir().toString(), policy.toAbsolutePath().toString(), Integer.toString(port)));
            Process script = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            List<String> lines = new String(script.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList();
            if (script.waitFor() != 0 || lines.isEmpty()) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "no tritonserver could be started here; the reason stands above");
            }
            System.out.println("tritonserver runs: gRPC 127.0.0.1:" + port + ", log " + dir().resolve("server.log"));
            return 0;
        }
    }

    /** Stops the server. */
    @Command(
            name = "stop",
            mixinStandardHelpOptions = true,
            description = "Stops the server that start started, with every process of it.")
    static final class Stop extends Local implements Callable<Integer> {
        @Override
        public Integer call() throws IOException, InterruptedException {
            if (!Files.isDirectory(dir())) {
                System.out.println("no tritonserver of " + dir() + " runs");
                return 1;
            }
            return new ProcessBuilder(
                            Workspace.root().resolve("k8s/triton/stop.sh").toString(), dir().toString())
                    .inheritIO()
                    .start()
                    .waitFor();
        }
    }

    /** Says whether it runs. */
    @Command(
            name = "status",
            mixinStandardHelpOptions = true,
            description = "Says whether it runs; exit code 1 if not.")
    static final class State extends Local implements Callable<Integer> {
        @Override
        public Integer call() {
            Optional<ProcessHandle> server = process();
            System.out.println(
                    server.map(p -> "tritonserver runs, process " + p.pid() + ", log " + dir().resolve("server.log"))
                            .orElse("no tritonserver of " + dir() + " runs"));
            return server.isPresent() ? 0 : 1;
        }
    }

    /** Runs the suite. */
    @Command(
            name = "conformance",
            mixinStandardHelpOptions = true,
            description =
                    "Asks an inference server for everything that serving a policy needs; prints a table and totals. Exit code 1 "
                            + "when a case failed.")
    static final class Conform implements Callable<Integer> {
        @Option(names = "--target", required = true, paramLabel = "HOST:PORT", description = "gRPC address.")
        private String target = "";

        @Option(names = "--model", description = "Name of the policy model (default: ${DEFAULT-VALUE}).")
        private String model = "policy";

        @Option(
                names = "--metrics",
                paramLabel = "URL",
                description =
                        "Where it shows its metrics: http://HOST:8002/metrics of tritonserver, /q/metrics of the policy "
                                + "server; without it they are not asked for.")
        private @Nullable URI metrics;

        @Option(
                names = "--admin-secret",
                description = "The secret that its control operations need; without it that is not asked for.")
        private String secret = "";

        @Override
        public Integer call() {
            List<Conformance.Result> results;
            try (Conformance suite = new Conformance(target, model, metrics, secret)) {
                results = suite.run();
            } catch (StatusRuntimeException e) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "no inference server answers at " + target + ": " + e.getStatus(),
                        e);
            }
            results.forEach(System.out::println);
            long failed = count(results, Conformance.Outcome.FAILED);
            System.out.println(count(results, Conformance.Outcome.PASSED) + " passed, " + failed + " failed, "
                    + count(results, Conformance.Outcome.DIFFERS) + " differ on purpose, "
                    + count(results, Conformance.Outcome.KNOWN_DEFECT) + " not run (known defects)"
                    + (metrics == null ? ", metrics not asked for (--metrics)" : "")
                    + (secret.isEmpty() ? ", admin secret not asked for (--admin-secret)" : ""));
            return failed == 0 ? 0 : 1;
        }

        private static long count(List<Conformance.Result> results, Conformance.Outcome outcome) {
            return results.stream().filter(r -> r.outcome() == outcome).count();
        }
    }
}
