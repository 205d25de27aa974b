package io.foothold.orchestrator.run;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Where runs do their work. All of it is written in direct style, so whoever gives the threads decides what happens in which order. */
public interface RunThreads {
    /** Begins what a run does from its beginning to its end. */
    void begin(String name, Runnable run);

    /** Has work done beside a run, a thread a piece; closed by its user. */
    ExecutorService beside();

    /** Those of the machine: a platform thread for a run, virtual ones beside it. */
    static RunThreads system() {
        return new RunThreads() {
            @Override
            public void begin(String name, Runnable run) {
                Thread.ofPlatform().daemon().name(name).start(run);
            }

            @Override
            public ExecutorService beside() {
                return Executors.newVirtualThreadPerTaskExecutor();
            }
        };
    }
}
