package io.foothold.store;

import io.foothold.contracts.files.StoreConfig;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An object store in a process of its own, S3Mock, on a loopback port: it keeps what it has when it ends and comes back. It has the bucket
 * {@code artefacts} and takes any key.
 */
public final class S3Server implements AutoCloseable {
    private final Path directory;
    private final int port = freePort();
    private @Nullable Process process;

    public S3Server(Path directory) throws Exception {
        this.directory = Files.createDirectories(directory);
        // What the SDK takes by its standard chain; no key of anybody's.
        Files.writeString(
                credentials(), "[default]\naws_access_key_id = only\naws_secret_access_key = for-tests-of-the-store\n");
        begin();
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    public Path credentials() {
        return directory.resolve("credentials");
    }

    public String endpoint() {
        return "http://127.0.0.1:" + port;
    }

    /** The settings of a client with its cache in a directory. */
    public StoreConfig config(String uri, Path cache) {
        return config(uri, endpoint(), credentials(), cache);
    }

    public static StoreConfig config(String uri, String endpoint, Path credentials, Path cache) {
        return new StoreConfig() {
            @Override
            public Optional<String> uri() {
                return Optional.of(uri);
            }

            @Override
            public Optional<String> endpoint() {
                return Optional.of(endpoint);
            }

            @Override
            public Optional<String> region() {
                return Optional.empty();
            }

            @Override
            public Optional<Boolean> pathStyle() {
                return Optional.empty();
            }

            @Override
            public Optional<String> credentialsFile() {
                return Optional.of(credentials.toString());
            }

            @Override
            public Duration timeout() {
                return Duration.ofSeconds(2);
            }

            @Override
            public Optional<String> cache() {
                return Optional.of(cache.toString());
            }
        };
    }

    /** Starts it, again after {@link #end}, and waits until it answers. */
    public void begin() throws Exception {
        String jar = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(p -> p.matches(".*s3mock-[0-9.]+-exec\\.jar"))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("S3Mock is not on the class path"));
        ProcessBuilder builder = new ProcessBuilder(
                        ProcessHandle.current().info().command().orElse("java"),
                        "-Xmx256m",
                        "-XX:TieredStopAtLevel=1",
                        "-jar",
                        jar,
                        "--server.port=0",
                        "--com.adobe.testing.s3mock.http-port=" + port)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("out").toFile()));
        builder.environment()
                .put(
                        "COM_ADOBE_TESTING_S3MOCK_STORE_ROOT",
                        directory.resolve("root").toString());
        builder.environment().put("COM_ADOBE_TESTING_S3MOCK_STORE_RETAIN_FILES_ON_EXIT", "true");
        builder.environment().put("COM_ADOBE_TESTING_S3MOCK_STORE_INITIAL_BUCKETS", "artefacts");
        process = builder.start();
        long end = System.nanoTime() + Duration.ofSeconds(90).toNanos();
        while (!answers()) {
            if (System.nanoTime() > end || !process.isAlive()) {
                throw new IllegalStateException(Files.readString(directory.resolve("out")));
            }
            Thread.sleep(100);
        }
    }

    private boolean answers() throws InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(endpoint() + "/artefacts"))
                    .timeout(Duration.ofSeconds(5))
                    .build();
            return client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 200;
        } catch (IOException e) {
            return false;
        }
    }

    /** Ends it at once, as a crash does. */
    public void end() throws InterruptedException {
        Process p = process;
        if (p != null) {
            p.destroyForcibly().waitFor();
        }
    }

    @Override
    public void close() throws InterruptedException {
        end();
    }
}
