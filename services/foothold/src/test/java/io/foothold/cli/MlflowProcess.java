package io.foothold.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A real {@code mlflow server} on loopback that keeps what it has when it ends and comes back, and MLflow's own client. */
final class MlflowProcess implements AutoCloseable {
    private static final Duration START = Duration.ofMinutes(3);
    private static final ObjectMapper MAPPER = new ObjectMapper();
    /** What its users see: parameters, every point of every metric, tags and artefacts of the runs of an experiment. */
    private static final String READER = """
            import json, sys
            from mlflow import MlflowClient
            client = MlflowClient(sys.argv[1])
            experiment = client.get_experiment_by_name(sys.argv[2])
            def files(run, path=None):
                for f in client.list_artifacts(run, path):
                    yield from files(run, f.path) if f.is_dir else [f.path]
            runs = [dict(name=r.info.run_name, status=r.info.status, params=r.data.params, tags=r.data.tags,
                         metrics={k: [[p.step, p.value] for p in client.get_metric_history(r.info.run_id, k)] for k in r.data.metrics},
                         artifacts=sorted(files(r.info.run_id)))
                    for r in (client.search_runs([experiment.experiment_id]) if experiment else [])]
            print(json.dumps(runs))
            """;

    private final Path environment;
    private final Path directory;
    private final int port;
    private @Nullable Process process;

    private MlflowProcess(Path environment, Path directory) throws IOException {
        this.environment = environment;
        this.directory = directory;
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            this.port = free.getLocalPort();
        }
    }

    /** One that is not started; empty where its packages are not installed. */
    static Optional<MlflowProcess> of(Path directory) throws Exception {
        Path root = Path.of(System.getProperty("foothold.root"));
        Process asked = new ProcessBuilder(
                        root.resolve("k8s/triton/python-env.sh").toString(),
                        "mlflow",
                        root.resolve("load-tests/mlflow/requirements.txt").toString())
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        String said = new String(asked.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        return asked.waitFor() == 0
                ? Optional.of(new MlflowProcess(Path.of(said), Files.createDirectories(directory)))
                : Optional.empty();
    }

    String address() {
        return "http://127.0.0.1:" + port;
    }

    /** Starts it, and returns once it answers. */
    void begin() throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                        environment.resolve("bin/mlflow").toString(),
                        "server",
                        "--host",
                        "127.0.0.1",
                        "--port",
                        Integer.toString(port),
                        "--workers",
                        "1",
                        "--backend-store-uri",
                        "sqlite:///" + directory.resolve("mlflow.db"),
                        "--artifacts-destination",
                        directory.resolve("artefacts").toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("log").toFile()));
        quiet(builder.environment());
        process = builder.start();
        long until = System.nanoTime() + START.toNanos();
        while (!answers()) {
            if (!process.isAlive() || System.nanoTime() > until) {
                throw new IllegalStateException("mlflow server: " + Files.readString(directory.resolve("log")));
            }
            Thread.sleep(200);
        }
    }

    private static void quiet(Map<String, String> environment) {
        environment.put("MLFLOW_DISABLE_TELEMETRY", "true");
        // Half a dozen processes that nothing here asks for.
        environment.put("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false");
        environment.put("PYTHONDONTWRITEBYTECODE", "1");
    }

    private boolean answers() throws InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest health = HttpRequest.newBuilder(URI.create(address() + "/health"))
                    .timeout(Duration.ofSeconds(5))
                    .build();
            return client.send(health, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    /** Ends it and everything that it started. */
    void end() throws InterruptedException {
        Process running = process;
        if (running != null) {
            running.descendants().forEach(ProcessHandle::destroyForcibly);
            running.destroyForcibly().waitFor(30, TimeUnit.SECONDS);
            process = null;
        }
    }

    /** What MLflow's own client reads of an experiment: a list of runs. */
    JsonNode read(String experiment) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                        environment.resolve("bin/python").toString(), "-c", READER, address(), experiment)
                .redirectError(directory.resolve("reader").toFile());
        quiet(builder.environment());
        Process reader = builder.start();
        byte[] said = reader.getInputStream().readAllBytes();
        if (reader.waitFor() != 0) {
            throw new IllegalStateException(Files.readString(directory.resolve("reader")));
        }
        return MAPPER.readTree(said);
    }

    @Override
    public void close() throws InterruptedException {
        end();
    }
}
