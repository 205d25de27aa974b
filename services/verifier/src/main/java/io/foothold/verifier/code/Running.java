package io.foothold.verifier.code;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A program in the sandbox with the watch over its process tree. The thread that started it must outlive it: bubblewrap dies with
 * that thread. Owned by one thread; the watch has its own.
 */
public final class Running implements AutoCloseable {
    private static final long POLL_MILLIS = 10;
    /** A look costs a walk through /proc, and one that serves is looked at for as long as it lives. */
    private static final long POLL_SERVING_MILLIS = 50;

    /**
     * What a program writes to.
     *
     * @param status bubblewrap's report
     */
    record Outputs(Path out, Path err, Path status) {}

    private final Process process;
    private final Sandbox.Limits limits;
    private final Outputs files;
    private final long pollMillis;
    private final int mostProcesses;
    private final long started = System.nanoTime();
    private final Thread watch;
    private volatile Sandbox.@Nullable End killed;
    /** On the clock of {@link System#nanoTime}; of one that serves, while it is asked something. */
    private volatile long deadline;

    private volatile boolean timed = true;
    private @Nullable BufferedReader reader;

    Running(Process process, Sandbox.Limits limits, Sandbox.Life life, Outputs files, int mostProcesses) {
        this.process = process;
        this.limits = limits;
        this.files = files;
        this.pollMillis = life.serves() ? POLL_SERVING_MILLIS : POLL_MILLIS;
        allow(limits.seconds());
        this.mostProcesses = mostProcesses;
        this.watch = Thread.ofVirtual().name("sandbox-watch").start(this::watch);
    }

    /** Gives it so many seconds from now. */
    public void allow(double seconds) {
        deadline = System.nanoTime() + (long) (seconds * 1e9);
        timed = true;
    }

    /** Nothing is asked of it: no time is counted. */
    public void rest() {
        timed = false;
    }

    /** Whether it lives. */
    public boolean alive() {
        return process.isAlive();
    }

    private void watch() {
        try {
            while (!process.waitFor(pollMillis, TimeUnit.MILLISECONDS)) {
                Sandbox.End end = exceeded();
                if (end != null) {
                    killed = end;
                    process.destroyForcibly();
                    return;
                }
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
    }

    private Sandbox.@Nullable End exceeded() {
        if (timed && System.nanoTime() - deadline > 0) {
            return Sandbox.End.TIME_LIMIT;
        }
        List<ProcessHandle> tree = process.descendants().toList();
        // bubblewrap keeps two processes of its own.
        if (tree.size() > mostProcesses + 2) {
            return Sandbox.End.PROCESS_LIMIT;
        }
        long bytes = 0;
        for (ProcessHandle p : tree) {
            bytes += resident(p.pid());
            if (bytes > limits.memoryBytes()) {
                return Sandbox.End.MEMORY_LIMIT;
            }
        }
        return null;
    }

    /** A process's share of resident memory, in bytes: pages that several map count once. */
    private static long resident(long pid) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "smaps_rollup"))) {
                if (line.startsWith("Pss:")) {
                    return Long.parseLong(line.replaceAll("\\D", "")) << 10;
                }
            }
        } catch (IOException | UncheckedIOException e) {
            // It ended, or it is not ours to look into yet: the resident set tells enough.
        }
        try {
            String[] pages = Files.readString(Path.of("/proc", Long.toString(pid), "statm"))
                    .split(" ");
            return (Long.parseLong(pages[1]) - Long.parseLong(pages[2])) << 12;
        } catch (IOException | UncheckedIOException | NumberFormatException | ArrayIndexOutOfBoundsException e) {
            return 0;
        }
    }

    /** Sends a line; what nobody reads any more is lost. */
    public void say(String line) {
        try {
            Writer writer = process.outputWriter(StandardCharsets.UTF_8);
            writer.write(line);
            writer.write('\n');
            writer.flush();
        } catch (IOException e) {
            // It ended; hear() says so.
        }
    }

    /** The next line that it prints; empty when it ended, or printed more than it may. */
    public Optional<String> hear() {
        if (reader == null) {
            reader = process.inputReader(StandardCharsets.UTF_8);
        }
        StringBuilder line = new StringBuilder();
        try {
            for (int c = reader.read(); c >= 0; c = reader.read()) {
                if (c == '\n') {
                    return Optional.of(line.toString());
                }
                line.append((char) c);
                if (line.length() > limits.outputBytes()) {
                    killed = Sandbox.End.OUTPUT_LIMIT;
                    process.destroyForcibly();
                    return Optional.empty();
                }
            }
        } catch (IOException e) {
            // It was killed.
        }
        return Optional.empty();
    }

    /** Waits for the end. */
    public Sandbox.Outcome await() {
        try {
            int code = process.waitFor();
            watch.join();
            long millis = (System.nanoTime() - started) / 1_000_000;
            String stdout = text(files.out());
            String stderr = text(files.err());
            Sandbox.End end = killed;
            if (end == null) {
                String report = Files.exists(files.status()) ? Files.readString(files.status()) : "";
                if (!report.contains("\"exit-code\"")) {
                    throw new FootholdException(
                            ErrorCode.INTERNAL, "the sandbox ended with code " + code + ": " + stderr.strip());
                }
                end = tooLong(files.out()) || tooLong(files.err())
                        ? Sandbox.End.OUTPUT_LIMIT
                        : code == 0 ? Sandbox.End.FINISHED : Sandbox.End.FAILED;
            }
            return new Sandbox.Outcome(end, stdout, stderr, millis);
        } catch (IOException e) {
            throw Sandbox.fault(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        }
    }

    private boolean tooLong(Path file) throws IOException {
        return Files.exists(file) && Files.size(file) >= limits.outputBytes();
    }

    private static String text(Path file) throws IOException {
        return Files.exists(file) ? new String(Files.readAllBytes(file), StandardCharsets.UTF_8) : "";
    }

    @Override
    public void close() {
        Sandbox.destroy(process);
        watch.interrupt();
    }
}
