package io.foothold.verifier.function;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.code.Sandbox;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** The processes of one function, each with the thread that started it: the sandbox dies with that thread. Thread-safe. */
final class FunctionPool implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(FunctionPool.class);
    /** Calls that one process is sent at once. */
    private static final int LARGEST_BATCH = 64;
    /** Characters behind which a batch is closed. */
    private static final int LONGEST_BATCH = 1 << 20;
    /** After which a process is ended that nobody asked anything. */
    private static final Duration IDLE = Duration.ofMinutes(1);

    private final Supplier<Sandbox> sandbox;
    private final RewardFunction function;
    private final long printedBytes;
    /** Bounded by the credits of those who ask. */
    private final BlockingQueue<FunctionCall> waiting = new LinkedBlockingQueue<>();

    /** Calls that have no verdict yet. */
    private final AtomicInteger open = new AtomicInteger();

    private final List<Thread> threads = new ArrayList<>();
    private volatile boolean closed;
    private volatile long used = System.nanoTime();

    /**
     * Processes of a function.
     *
     * @param sandbox asked for on their threads: to find an interpreter takes processes of its own
     */
    FunctionPool(Supplier<Sandbox> sandbox, RewardFunction function, int processes, long printedBytes) {
        this.sandbox = sandbox;
        this.function = function;
        this.printedBytes = printedBytes;
        for (int i = 0; i < processes; i++) {
            threads.add(
                    Thread.ofPlatform().daemon().name("reward-function-" + i).start(this::work));
        }
    }

    void ask(FunctionCall call) {
        used = System.nanoTime();
        open.incrementAndGet();
        waiting.add(call);
    }

    private void tell(FunctionCall call, Verdict verdict) {
        used = System.nanoTime();
        try {
            call.told().accept(verdict);
        } finally {
            open.decrementAndGet();
        }
    }

    /** Takes back a call that no process has yet. */
    void forget(FunctionCall call) {
        if (waiting.remove(call)) {
            open.decrementAndGet();
        }
    }

    /** For how long nobody waits for anything of it, nanoseconds; 0 while somebody does. */
    long idle() {
        return open.get() > 0 ? 0 : System.nanoTime() - used;
    }

    private void work() {
        @Nullable FunctionProcess process = null;
        try {
            while (!closed) {
                List<FunctionCall> calls = next();
                if (calls.isEmpty() && process != null) {
                    process.close();
                    process = null;
                }
                if (!calls.isEmpty()) {
                    process = judged(calls, process);
                }
            }
        } catch (InterruptedException e) {
            // Closed.
        } finally {
            if (process != null) {
                process.close();
            }
        }
    }

    /** Has all of them judged; gives the process that is left. */
    private @Nullable FunctionProcess judged(List<FunctionCall> calls, @Nullable FunctionProcess first) {
        FunctionProcess process = first;
        int told = 0;
        try {
            while (told < calls.size()) {
                if (process != null && !process.alive()) {
                    process.close();
                    process = null;
                }
                if (process == null) {
                    process = FunctionProcess.start(sandbox.get(), function, printedBytes);
                }
                FunctionCall call = calls.get(told);
                if (call.loadOnly()) {
                    tell(call, new Verdict(Verdict.Kind.ABSTAIN, 0, "", function + " loads"));
                    told++;
                } else {
                    int to = told;
                    while (to < calls.size() && !calls.get(to).loadOnly()) {
                        to++;
                    }
                    told += process.answer(calls.subList(told, to), this::tell);
                }
            }
        } catch (FootholdException e) {
            tellAll(calls.subList(told, calls.size()), Verdict.verifierError(e.text()));
        } catch (RuntimeException e) {
            LOG.errorf(e, "reward function %s", function);
            tellAll(
                    calls.subList(told, calls.size()),
                    Verdict.verifierError(e.getClass().getSimpleName() + ": " + e.getMessage()));
            if (process != null) {
                process.close();
                process = null;
            }
        }
        return process;
    }

    private void tellAll(List<FunctionCall> calls, Verdict verdict) {
        calls.forEach(call -> tell(call, verdict));
    }

    /** What one process is to judge next: its share of what waits; empty when nothing came. */
    private List<FunctionCall> next() throws InterruptedException {
        FunctionCall first = waiting.poll(IDLE.toMillis(), TimeUnit.MILLISECONDS);
        if (first == null) {
            return List.of();
        }
        List<FunctionCall> out = new ArrayList<>(List.of(first));
        int most = Math.min(LARGEST_BATCH, 1 + waiting.size() / threads.size());
        int length = first.length();
        while (out.size() < most && length < LONGEST_BATCH) {
            FunctionCall further = waiting.poll();
            if (further == null) {
                break;
            }
            out.add(further);
            length += further.length();
        }
        return out;
    }

    @Override
    public void close() {
        closed = true;
        threads.forEach(Thread::interrupt);
    }
}
