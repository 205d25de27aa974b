package io.foothold.learner.torch;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.MessageLimit;
import io.grpc.ManagedChannel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The ranks of a worker as processes of this host, with the environment variables of torchrun. They end when this process does: each
 * watches its standard input.
 */
final class TorchProcesses implements Ranks {
    private static final Logger LOG = Logger.getLogger(TorchProcesses.class);
    private static final Duration START = Duration.ofMinutes(10);
    private static final Duration POLL = Duration.ofMillis(50);
    private static final Duration GRACE = Duration.ofSeconds(2);
    private static final int ATTEMPTS = 3;
    /** Exit codes from here on are 128 and the number of a signal. */
    private static final int SIGNALS = 128;

    private static final int OTHER_VERSIONS = 3;
    private static final int OUT_OF_MEMORY = 4;
    private static final int NO_CUDA = 5;
    private static final int PORT_IN_USE = 6;

    /** A process of the group. */
    private static final class Rank {
        private final int number;
        private final Process process;
        private final Thread reader;
        /** What it said last; a worker's last line says what ended it. */
        private String lastLine = "";

        Rank(int number, Process process) {
            this.number = number;
            this.process = process;
            this.reader =
                    Thread.ofPlatform().daemon().name("torch-rank-" + number).start(this::read);
        }

        private void read() {
            try (BufferedReader in =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    LOG.debugf("rank %d: %s", number, line);
                    said(line);
                }
            } catch (IOException e) {
                LOG.debugf("rank %d: its output ended: %s", number, e.getMessage());
            }
        }

        private synchronized void said(String line) {
            lastLine = line.isBlank() ? lastLine : line.strip();
        }

        boolean dead() {
            return !process.isAlive();
        }

        int code() {
            return process.exitValue();
        }

        /** Whoever was killed did not die of the others; who ran out of memory hardly. */
        int suspicion() {
            return code() > SIGNALS ? 0 : code() == OUT_OF_MEMORY ? 1 : 2;
        }

        String told(int count) {
            try {
                reader.join(Duration.ofSeconds(1));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            String how =
                    code() > SIGNALS ? "was ended by signal " + (code() - SIGNALS) : "ended with exit code " + code();
            synchronized (this) {
                return "rank " + number + " of " + count + " " + how + (lastLine.isEmpty() ? "" : ": " + lastLine);
            }
        }
    }

    private final List<Rank> ranks = new ArrayList<>();
    private final Path scratch;
    private @Nullable ManagedChannel channel;

    private TorchProcesses(Path scratch) {
        this.scratch = scratch;
    }

    /**
     * Starts the ranks and waits until rank 0 listens.
     *
     * @throws FootholdException when a rank ends before, with its own words
     */
    static TorchProcesses start(TorchEnvironment environment, TorchOptions options) {
        for (int attempt = 1; ; attempt++) {
            TorchProcesses group = null;
            try {
                group = new TorchProcesses(Files.createTempDirectory("foothold-torch-"));
                group.spawn(environment, options);
                group.awaitReady();
                return group;
            } catch (IOException e) {
                end(group);
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, "the torch worker cannot be started: " + e.getMessage(), e);
            } catch (RuntimeException e) {
                boolean again = group != null && attempt < ATTEMPTS && group.anyEndedWith(PORT_IN_USE);
                end(group);
                if (!again) {
                    throw e;
                }
            }
        }
    }

    private static void end(@Nullable TorchProcesses group) {
        if (group != null) {
            group.close();
        }
    }

    private void spawn(TorchEnvironment environment, TorchOptions options) throws IOException {
        int count = options.processes();
        String threads = Integer.toString(Math.max(1, Runtime.getRuntime().availableProcessors() / count));
        // Free a moment ago; a rank that finds it taken says so and all of them are started again with another one.
        String port = Integer.toString(freePort());
        for (int r = 0; r < count; r++) {
            ProcessBuilder builder = new ProcessBuilder(
                            environment.python().toString(),
                            "-m",
                            "foothold_torch.worker",
                            "--listen",
                            "127.0.0.1:0",
                            "--ready-file",
                            ready().toString(),
                            "--device",
                            options.device(),
                            "--threads",
                            threads)
                    .redirectErrorStream(true);
            Map<String, String> variables = builder.environment();
            String number = Integer.toString(r);
            variables.put("RANK", number);
            variables.put("LOCAL_RANK", number);
            variables.put("WORLD_SIZE", Integer.toString(count));
            variables.put("LOCAL_WORLD_SIZE", Integer.toString(count));
            variables.put("MASTER_ADDR", "127.0.0.1");
            variables.put("MASTER_PORT", port);
            variables.put("OMP_NUM_THREADS", threads);
            variables.put("PYTHONUNBUFFERED", "1");
            variables.put("PYTHONPATH", environment.packages().toAbsolutePath().toString());
            // The directory that is named has everything; nothing is asked of the hub.
            variables.put("HF_HUB_OFFLINE", "1");
            ranks.add(new Rank(r, builder.start()));
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private Path ready() {
        return scratch.resolve("address");
    }

    private void awaitReady() throws IOException {
        long end = System.nanoTime() + START.toNanos();
        while (!Files.exists(ready())) {
            if (death().isPresent()) {
                throw new FootholdException(
                        startFailure(),
                        "the torch worker did not start: " + deathSoon().orElse(""));
            }
            if (System.nanoTime() > end) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "the torch worker did not listen within " + START.toSeconds() + " s");
            }
            pause(POLL);
        }
        channel = MessageLimit.channel(Files.readString(ready()).strip()).build();
    }

    private ErrorCode startFailure() {
        return anyEndedWith(OTHER_VERSIONS) || anyEndedWith(NO_CUDA)
                ? ErrorCode.INVALID_INPUT
                : anyEndedWith(OUT_OF_MEMORY) ? ErrorCode.STORAGE : ErrorCode.INTERNAL;
    }

    private boolean anyEndedWith(int code) {
        return ranks.stream().anyMatch(r -> r.dead() && r.code() == code);
    }

    private static void pause(Duration time) {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.DRAINING, "the learner is shutting down", e);
        }
    }

    @Override
    public ManagedChannel channel() {
        ManagedChannel open = channel;
        if (open == null) {
            throw new IllegalStateException("the worker does not listen yet");
        }
        return open;
    }

    @Override
    public Optional<String> death() {
        return ranks.stream()
                .filter(Rank::dead)
                .min(Comparator.comparingInt(Rank::suspicion))
                .map(r -> r.told(ranks.size()));
    }

    @Override
    public Optional<String> deathSoon() {
        long end = System.nanoTime() + GRACE.toNanos();
        // Not the first one that is found dead: those that lost a peer die too.
        while (System.nanoTime() < end && ranks.stream().noneMatch(r -> r.dead() && r.code() > SIGNALS)) {
            pause(POLL);
        }
        return death();
    }

    @Override
    public void close() {
        if (channel != null) {
            channel.shutdownNow();
        }
        ranks.forEach(r -> r.process.destroy());
        long end = System.nanoTime() + GRACE.toNanos();
        for (Rank r : ranks) {
            try {
                if (!r.process.waitFor(Math.max(0, end - System.nanoTime()), TimeUnit.NANOSECONDS)) {
                    r.process.destroyForcibly();
                }
            } catch (InterruptedException e) {
                r.process.destroyForcibly();
                Thread.currentThread().interrupt();
            }
        }
        try {
            Files.deleteIfExists(ready());
            Files.deleteIfExists(scratch);
        } catch (IOException e) {
            LOG.debugf("%s stays: %s", scratch, e.getMessage());
        }
    }
}
