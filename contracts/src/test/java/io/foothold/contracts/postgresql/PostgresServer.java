package io.foothold.contracts.postgresql;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A PostgreSQL that a test starts: Debian's programs, on a loopback port, in a temporary folder, as user nobody where the test is root. It can
 * crash and come back with what it had committed.
 */
public final class PostgresServer implements AutoCloseable {
    /** Who may connect. */
    public static final String USER = "foothold";

    /** With which password. */
    public static final String PASSWORD = "only-for-tests";

    private static final String NOBODY = "65534";
    private static @Nullable PostgresServer shared;

    private final Path programs;
    private final Path directory;
    private final int port;
    private @Nullable ProcessHandle process;
    private int databases;

    private PostgresServer(Path programs, Path directory, int port) {
        this.programs = programs;
        this.directory = directory;
        this.port = port;
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** A text by which a test in another class loader of this JVM finds it: {@link #of}. */
    public String told() {
        ProcessHandle p = process;
        return String.join("\n", programs.toString(), directory.toString(), "" + port, p == null ? "" : "" + p.pid());
    }

    /** The one that {@link #told} told of. */
    public static PostgresServer of(String told) {
        String[] parts = told.split("\n", -1);
        PostgresServer out = new PostgresServer(Path.of(parts[0]), Path.of(parts[1]), Integer.parseInt(parts[2]));
        out.process = ProcessHandle.of(Long.parseLong(parts[3])).orElse(null);
        return out;
    }

    /** One for all tests of this JVM that let it live. The test is not run, and says so, where PostgreSQL is not installed. */
    public static synchronized PostgresServer shared() {
        PostgresServer known = shared;
        if (known == null) {
            known = start();
            shared = known;
        }
        return known;
    }

    /** One of the test's own. The test is not run, and says so, where PostgreSQL is not installed. */
    public static PostgresServer start() {
        Path programs = programs().orElse(null);
        if (programs == null) {
            String why =
                    "NOT RUN: no PostgreSQL here (Debian's package postgresql): this says nothing of the ledger in it";
            System.err.println(why);
            return abort(why);
        }
        try {
            PostgresServer server =
                    new PostgresServer(programs, Files.createTempDirectory("foothold-postgres"), freePort());
            Runtime.getRuntime().addShutdownHook(new Thread(server::close));
            server.initialise();
            server.begin();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether one can be started here. */
    public static boolean installed() {
        return programs().isPresent();
    }

    private static Optional<Path> programs() {
        Stream<Path> onPath = Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .map(Path::of);
        return Stream.concat(debian().stream(), onPath)
                .filter(d -> Stream.of("initdb", "postgres", "createdb", "pg_isready")
                        .allMatch(p -> Files.isExecutable(d.resolve(p))))
                .findFirst();
    }

    private static List<Path> debian() {
        Path versions = Path.of("/usr/lib/postgresql");
        if (!Files.isDirectory(versions)) {
            return List.of();
        }
        try (Stream<Path> each = Files.list(versions)) {
            return each.sorted(Comparator.reverseOrder())
                    .map(v -> v.resolve("bin"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void initialise() throws IOException {
        Path password = Files.writeString(directory.resolve("password"), PASSWORD + "\n");
        if (root()) {
            run(List.of("chown", "-R", NOBODY + ":" + NOBODY, directory.toString()));
        }
        run(command(
                "initdb",
                "--pgdata=" + data(),
                "--username=" + USER,
                "--auth=scram-sha-256",
                "--pwfile=" + password,
                "--encoding=UTF8",
                "--locale=C.UTF-8"));
    }

    private Path data() {
        return directory.resolve("data");
    }

    private static boolean root() {
        return "root".equals(System.getProperty("user.name"));
    }

    private List<String> command(String program, String... arguments) {
        List<String> out = new ArrayList<>();
        if (root()) {
            out.addAll(List.of("setpriv", "--reuid=" + NOBODY, "--regid=" + NOBODY, "--clear-groups", "--"));
        }
        out.add(programs.resolve(program).toString());
        out.addAll(List.of(arguments));
        return out;
    }

    private void run(List<String> command) throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
        builder.environment().put("PGPASSWORD", PASSWORD);
        Process p = builder.start();
        String said = new String(p.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        if (await(p) != 0) {
            throw new IllegalStateException(String.join(" ", command) + ": " + said);
        }
    }

    private static int await(Process p) {
        try {
            return p.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Starts it, again after {@link #crash}, on the same port, and waits until it answers. */
    public void begin() throws IOException {
        Process p = new ProcessBuilder(command(
                        "postgres",
                        "-D",
                        data().toString(),
                        "-c",
                        "listen_addresses=127.0.0.1",
                        "-c",
                        "port=" + port,
                        "-c",
                        "unix_socket_directories=",
                        "-c",
                        "shared_buffers=16MB",
                        "-c",
                        "max_connections=60"))
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(
                        directory.resolve("log").toFile()))
                .start();
        process = p.toHandle();
        while (await(new ProcessBuilder(command("pg_isready", "-q", "-h", "127.0.0.1", "-p", Integer.toString(port)))
                        .directory(directory.toFile())
                        .start())
                != 0) {
            if (!p.isAlive()) {
                throw new IllegalStateException("PostgreSQL ended: " + Files.readString(directory.resolve("log")));
            }
        }
    }

    /** Ends it at once, as a crash does: connections break, what was not committed is lost. */
    public void crash() throws IOException {
        ProcessHandle p = process;
        if (p != null && p.isAlive()) {
            run(List.of("kill", "-QUIT", Long.toString(p.pid())));
            ProcessHandle unused = p.onExit().join();
        }
    }

    /** A new database; gives its JDBC URL without user and password. */
    public synchronized String database() {
        String name = "test" + ++databases;
        try {
            run(command("createdb", "-h", "127.0.0.1", "-p", Integer.toString(port), "-U", USER, name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return "jdbc:postgresql://127.0.0.1:" + port + "/" + name;
    }

    /** Ends it and removes its folder. */
    @Override
    public void close() {
        ProcessHandle p = process;
        if (p != null && p.destroy()) {
            try {
                ProcessHandle unused = p.onExit().get(20, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (ExecutionException | TimeoutException e) {
                boolean unused = p.destroyForcibly();
            }
        }
        try (Stream<Path> files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(f -> {
                boolean unused = f.delete();
            });
        } catch (IOException e) {
            // Nothing is left of it already.
        }
    }
}
