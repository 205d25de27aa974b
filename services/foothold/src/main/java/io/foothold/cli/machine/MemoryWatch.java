package io.foothold.cli.machine;

import io.foothold.policy.MachineMemory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * How much memory processes had at most, as Linux counts it. A process that is gone says nothing any more, so they are looked at all the
 * time. Thread-safe.
 */
public final class MemoryWatch implements AutoCloseable {
    private static final Duration EVERY = Duration.ofMillis(50);

    /**
     * The peak of a process, or of several that belong together, bytes.
     *
     * @param resident largest resident set (VmHWM)
     * @param own largest part of it, as far as it was seen, that is not a file's: what the kernel cannot take back
     */
    public record Peak(long resident, long own) {
        private static final Peak NONE = new Peak(0, 0);

        /** What a process has held at most so far; zeros where the kernel does not tell it. */
        public static Peak of(ProcessHandle process) {
            Map<String, Long> status = MachineMemory.numbers(Path.of("/proc", Long.toString(process.pid()), "status"));
            return new Peak(
                    status.getOrDefault("VmHWM", 0L),
                    status.getOrDefault("RssAnon", 0L) + status.getOrDefault("RssShmem", 0L));
        }

        private Peak plus(Peak other) {
            return new Peak(resident + other.resident, own + other.own);
        }

        private Peak most(Peak other) {
            return new Peak(Math.max(resident, other.resident), Math.max(own, other.own));
        }
    }

    private final Map<String, Supplier<Stream<ProcessHandle>>> processes;
    private final Map<String, Peak> peaks = new LinkedHashMap<>();
    private final Thread thread =
            Thread.ofPlatform().daemon().name("memory-watch").unstarted(this::watch);

    /**
     * Begins to look.
     *
     * @param processes names, and the processes that are there now
     */
    public MemoryWatch(Map<String, Supplier<Stream<ProcessHandle>>> processes) {
        this.processes = processes;
        thread.start();
    }

    private void watch() {
        try {
            while (true) {
                look();
                Thread.sleep(EVERY);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized void look() {
        processes.forEach(
                (name, now) -> peaks.merge(name, now.get().map(Peak::of).reduce(Peak.NONE, Peak::plus), Peak::most));
    }

    /** What was seen until now, by name. */
    public synchronized Map<String, Peak> peaks() {
        look();
        return new LinkedHashMap<>(peaks);
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
