package io.foothold.cli.process;

import io.foothold.cli.machine.Heap;
import io.foothold.cli.machine.TextEncoding;
import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jboss.logging.Logger;

/**
 * A service as a process of its own, ended with this one. One that dies is started again on the same port, a bounded number of times;
 * its death and its last lines are told on the standard error and in the log. One that ends by itself before it ever listened is not
 * started again: it would end again.
 */
public final class Child implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Child.class);
    /** Large weights take their time; one that cannot start ends by itself, and how long it takes is told. */
    private static final Duration START = Duration.ofMinutes(30);

    private static final Duration TOLD_EVERY = Duration.ofMinutes(2);
    private static final Duration POLL = Duration.ofMillis(100);
    private static final int LINES_TOLD = 8;
    private static final int BYTES_READ = 16 << 10;
    private static final long LARGEST_LOG = 10L << 20;
    /** Exit codes from here on are 128 and the number of a signal. */
    private static final int SIGNALS = 128;

    /** What Linux ends a process with for which there is no memory. */
    private static final int KILL = 9;

    /**
     * How often a service may die.
     *
     * @param restarts that are tried
     * @param within time after which a death counts no more
     * @param firstPause before the first restart; doubles with each
     */
    public record Bound(int restarts, Duration within, Duration firstPause) {
        public static final Bound STANDARD = new Bound(5, Duration.ofMinutes(10), Duration.ofMillis(500));
        /** Its first death is its last. */
        public static final Bound ONCE = new Bound(0, Duration.ofMinutes(10), Duration.ofMillis(500));
    }

    private final String service;
    private final int port;
    private final List<String> command;
    private final Path log;
    private final Bound bound;
    private final CompletableFuture<FootholdException> givenUp = new CompletableFuture<>();
    private final Deque<Long> deaths = new ArrayDeque<>();
    private volatile Process process;
    private volatile boolean listened;
    private volatile boolean closing;
    private volatile boolean killed;

    private Child(String service, int port, List<String> command, Path log, Bound bound) throws IOException {
        this.service = service;
        this.port = port;
        this.command = command;
        this.log = log;
        this.bound = bound;
        this.process = spawn(command, log);
        Runtime.getRuntime().addShutdownHook(new Thread(this::kill));
        Thread.ofPlatform().daemon().name("watch-" + service).start(this::watch);
    }

    /**
     * The command that starts a service's application, as a child that ends when this process dies.
     *
     * @param heap the option that bounds its heap, see {@link Heap}
     */
    public static List<String> command(String service, String heap, Map<String, String> settings) {
        Path jar = Workspace.application(service);
        if (!Files.exists(jar)) {
            throw new FootholdException(
                    ErrorCode.NOT_FOUND, "no application at " + jar + ": build it with ./foothold build");
        }
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add(heap);
        // Their threads are few and their work is native: the smallest collector, as in this process.
        command.add("-XX:+UseSerialGC");
        // Its last lines are told when it dies.
        command.add("-Dquarkus.banner.enabled=false");
        command.add("-Dfoothold.parent-pid=" + ProcessHandle.current().pid());
        command.addAll(TextEncoding.OPTIONS);
        if (service.equals("learner") && !settings.containsKey(AllInOne.TORCH_PACKAGE)) {
            command.add("-D" + AllInOne.TORCH_PACKAGE + "=" + Workspace.torchPackage());
        }
        settings.forEach((key, value) -> command.add("-D" + key + "=" + value));
        command.add("-jar");
        command.add(jar.toString());
        return command;
    }

    public static Child start(String service, int port, String heap, Map<String, String> settings, Path home) {
        return start(service, port, heap, settings, home, Bound.STANDARD);
    }

    /** Starts a service that may die as often as the bound says. */
    public static Child start(
            String service, int port, String heap, Map<String, String> settings, Path home, Bound bound) {
        List<String> command = command(service, heap, settings);
        command.add(1, "-Dquarkus.http.port=" + port);
        // Several of them run beside each other. Not 0: the container registers its HTTP metrics twice then, and does
        // not start.
        command.add(1, "-Dquarkus.management.port=" + AllInOne.freePort());
        return start(service, port, command, home, bound);
    }

    /** Starts any command as a service. */
    public static Child start(String service, int port, List<String> command, Path home, Bound bound) {
        try {
            Files.createDirectories(home);
            Path log = home.resolve(service + ".log");
            if (Files.exists(log) && Files.size(log) > LARGEST_LOG) {
                Files.move(log, home.resolve(service + ".log.1"), StandardCopyOption.REPLACE_EXISTING);
            }
            return new Child(service, port, command, log, bound);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot start " + service + ": " + e.getMessage(), e);
        }
    }

    private static Process spawn(List<String> command, Path log) throws IOException {
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
    }

    private void watch() {
        try {
            while (!closing) {
                int code = process.waitFor();
                if (closing) {
                    return;
                }
                killed = code == SIGNALS + KILL;
                long now = System.nanoTime();
                deaths.add(now);
                deaths.removeIf(at -> now - at > bound.within().toNanos());
                String how =
                        code > SIGNALS ? "was ended by signal " + (code - SIGNALS) : "ended with exit code " + code;
                String lines = String.join(
                        "", lastLines().stream().map(l -> "\n  | " + l).toList());
                if (!listened && code <= SIGNALS) {
                    giveUp(service + " did not start: it " + how + ", its log is " + log.toAbsolutePath() + lines);
                    return;
                }
                if (deaths.size() > bound.restarts()) {
                    giveUp(service + " died " + deaths.size() + " times within "
                            + bound.within().toSeconds() + " s; it " + how + ", its log is " + log.toAbsolutePath()
                            + lines);
                    return;
                }
                tell(service + " " + how + " and is started again (" + deaths.size() + " of " + bound.restarts()
                        + " times)" + lines);
                Thread.sleep(bound.firstPause().multipliedBy(1L << (deaths.size() - 1)));
                restart();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            giveUp("cannot start " + service + " again: " + e.getMessage());
        }
    }

    private synchronized void restart() throws IOException {
        if (!closing) {
            process = spawn(command, log);
        }
    }

    private void giveUp(String why) {
        LOG.error(why);
        givenUp.complete(new FootholdException(ErrorCode.PEER_UNAVAILABLE, why));
    }

    private static void tell(String what) {
        LOG.warn(what);
        System.err.println("foothold: " + what);
    }

    /** The last lines of its log; none when it cannot be read. */
    private List<String> lastLines() {
        try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "r")) {
            byte[] end = new byte[(int) Math.min(file.length(), BYTES_READ)];
            file.seek(file.length() - end.length);
            file.readFully(end);
            List<String> lines = new String(end, StandardCharsets.UTF_8).lines().toList();
            return lines.subList(Math.max(0, lines.size() - LINES_TOLD), lines.size());
        } catch (IOException e) {
            return List.of();
        }
    }

    /** Tells when the service has died for good; at once when it has already. */
    public void onGivenUp(Consumer<FootholdException> told) {
        var unused = givenUp.thenAccept(told);
    }

    /** Its name. */
    String service() {
        return service;
    }

    /** Whether its last death was one that it could not see coming, as for want of memory. */
    boolean killed() {
        return killed;
    }

    /** The process that runs now. */
    ProcessHandle handle() {
        return process.toHandle();
    }

    /** Waits until the service listens. */
    public void awaitReady() throws InterruptedException {
        long begin = System.nanoTime();
        long end = begin + START.toNanos();
        long tellAt = begin + TOLD_EVERY.toNanos();
        while (System.nanoTime() < end && !givenUp.isDone()) {
            if (System.nanoTime() > tellAt) {
                tell(service + " does not listen yet after " + (System.nanoTime() - begin) / 1_000_000_000
                        + " s; its log is " + log.toAbsolutePath());
                tellAt += TOLD_EVERY.toNanos();
            }
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                listened = true;
                return;
            } catch (IOException e) {
                Thread.sleep(POLL);
            }
        }
        throw givenUp.getNow(new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                service + " did not listen within " + START.toSeconds() + " s; its log is " + log.toAbsolutePath()));
    }

    private synchronized void kill() {
        closing = true;
        process.destroyForcibly();
    }

    @Override
    public void close() {
        synchronized (this) {
            closing = true;
        }
        process.destroy();
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
