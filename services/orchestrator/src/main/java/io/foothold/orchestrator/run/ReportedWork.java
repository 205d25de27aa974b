package io.foothold.orchestrator.run;

import io.foothold.contracts.error.FootholdException;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.concurrent.Executor;
import java.util.function.Function;

/**
 * Work beside a loop that waits for a report of each piece. Every piece that was begun ends with one, whatever stops it: one that threw an
 * error of the machine, such as of memory, in silence would have the loop wait for ever. Thread-safe.
 *
 * @param <R> a report
 */
final class ReportedWork<R> {
    private final Executor threads;
    private final Queue<R> reports;

    /**
     * Work.
     *
     * @param threads where it is done
     * @param reports where the reports go; takes any number
     */
    ReportedWork(Executor threads, Queue<R> reports) {
        this.threads = threads;
        this.reports = reports;
    }

    /**
     * Begins a piece of work; fails itself when there is no thread for it.
     *
     * @param work its result is the report
     * @param failed makes the report of a failure
     */
    void begin(Callable<R> work, Function<FootholdException, R> failed) {
        threads.execute(() -> {
            R report;
            try {
                report = work.call();
            } catch (Throwable e) {
                report = failed.apply(FootholdException.of(e));
            }
            reports.add(report);
        });
    }
}
