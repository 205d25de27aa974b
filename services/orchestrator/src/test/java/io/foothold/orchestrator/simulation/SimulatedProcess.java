package io.foothold.orchestrator.simulation;

import io.foothold.contracts.simulation.SimulatedTime;
import io.foothold.orchestrator.remote.WaitClock;
import io.foothold.orchestrator.run.RunClock;
import io.foothold.orchestrator.run.RunThreads;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/** One process of the orchestrator, from its start to its end or its death. */
final class SimulatedProcess implements RunThreads {
    private static final Instant BEGINNING = Instant.ofEpochSecond(1_700_000_000);

    private final SimulatedThreads threads;
    private final SimulatedTime time;
    private final List<Runnable> atDeath = new ArrayList<>();
    private boolean alive = true;

    SimulatedProcess(SimulatedThreads threads, SimulatedTime time) {
        this.threads = threads;
        this.time = time;
    }

    boolean alive() {
        return alive;
    }

    /** Done when the process dies. */
    void atDeath(Runnable step) {
        atDeath.add(step);
    }

    /** None of its threads gets another turn. */
    void die() {
        alive = false;
        atDeath.forEach(Runnable::run);
    }

    @Override
    public void begin(String name, Runnable run) {
        threads.unstarted(this, name, run).start();
    }

    @Override
    public ExecutorService beside() {
        return Executors.newThreadPerTaskExecutor(work -> threads.unstarted(this, "", work));
    }

    /** Its clock. */
    RunClock clock() {
        return new RunClock(() -> BEGINNING.plusNanos(time.now()), waits(), Repeating::new);
    }

    private WaitClock waits() {
        return new WaitClock() {
            @Override
            public long nanos() {
                return time.now();
            }

            @Override
            public CompletableFuture<Void> after(Duration pause) {
                CompletableFuture<Void> over = new CompletableFuture<>();
                time.after(pause, () -> {
                    if (alive) {
                        over.complete(null);
                    }
                });
                return over;
            }
        };
    }

    private final class Repeating implements RunClock.Repetition {
        private final Duration pause;
        private final String name;
        private final Runnable step;
        private @Nullable Thread underWay;
        private boolean closed;

        Repeating(Duration pause, String name, Runnable step) {
            this.pause = pause;
            this.name = name;
            this.step = step;
            later();
        }

        private void later() {
            time.after(pause, () -> {
                if (alive && !closed) {
                    underWay = threads.unstarted(SimulatedProcess.this, name, () -> {
                        step.run();
                        underWay = null;
                        later();
                    });
                    underWay.start();
                }
            });
        }

        @Override
        public void close() {
            closed = true;
            Thread running = underWay;
            if (running != null) {
                running.interrupt();
            }
        }
    }
}
