package io.foothold.verifier.triton;

import io.foothold.contracts.error.FootholdException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Responses that one reward model is to judge: what comes within a few milliseconds, or while all calls are under way, goes together. Thread-safe. */
final class Gathering {
    /** How long the first response of a call waits for others. */
    private static final long GATHER_MILLIS = 3;

    private final RewardModel model;
    private final ModelServer server;
    private final Semaphore places;
    private final Executor threads;
    private final Deque<Asked> waiting = new ArrayDeque<>();
    private boolean gathering;
    private volatile @Nullable ServedModel served;

    /** What came of a response: a number, or why there is none. */
    sealed interface Answer permits Given, Failed {}

    /** The model's number, which may be none. */
    record Given(float number) implements Answer {}

    /** No number. */
    record Failed(FootholdException why) implements Answer {}

    /**
     * A response to judge.
     *
     * @param texts one for each input of the model
     * @param told of the answer
     */
    record Asked(List<String> texts, Consumer<Answer> told) {}

    /**
     * For one model.
     *
     * @param places one for each call that may be under way, of other models too
     * @param threads that calls wait on
     */
    Gathering(RewardModel model, ModelServer server, Semaphore places, Executor threads) {
        this.model = model;
        this.server = server;
        this.places = places;
        this.threads = threads;
    }

    /** Adds a response; what is returned takes it back where it still waits. */
    Runnable add(Asked asked) {
        synchronized (this) {
            waiting.add(asked);
            if (!gathering) {
                gathering = true;
                threads.execute(this::call);
            }
        }
        return () -> {
            synchronized (this) {
                waiting.removeIf(other -> other == asked);
            }
        };
    }

    /** Gathers one call and makes it. */
    private void call() {
        try {
            TimeUnit.MILLISECONDS.sleep(GATHER_MILLIS);
            places.acquire();
        } catch (InterruptedException e) {
            // The verifier ends, and with it who waits for an answer.
            return;
        }
        try {
            ask();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            places.release();
        }
    }

    private void ask() throws InterruptedException {
        ServedModel known;
        try {
            known = described();
        } catch (InterruptedException e) {
            throw e;
        } catch (Throwable e) {
            // Whatever it is: who asked waits for an answer.
            fail(take(Integer.MAX_VALUE), FootholdException.of(e));
            return;
        }
        List<Asked> batch = take(known.rows());
        if (!batch.isEmpty()) {
            ask(known, batch);
        }
    }

    private ServedModel described() throws InterruptedException {
        ServedModel known = served;
        if (known == null) {
            known = server.describe(model, model.calls().attempts());
            served = known;
        }
        return known;
    }

    private synchronized List<Asked> take(int most) {
        List<Asked> out = new ArrayList<>();
        while (out.size() < most && !waiting.isEmpty()) {
            out.add(waiting.remove());
        }
        gathering = !waiting.isEmpty();
        if (gathering) {
            threads.execute(this::call);
        }
        return out;
    }

    private void ask(ServedModel known, List<Asked> batch) throws InterruptedException {
        float[] numbers;
        try {
            numbers = server.numbers(
                    model, known, batch.stream().map(Asked::texts).toList());
        } catch (InterruptedException e) {
            throw e;
        } catch (Throwable e) {
            // Whatever it is: who asked waits for an answer.
            FootholdException why = FootholdException.of(e);
            // The model may be another one by now.
            served = null;
            if (why.code().retryable() || batch.size() == 1) {
                fail(batch, why);
                return;
            }
            // One response that the model cannot take would take the others' scores with it.
            for (Asked one : batch) {
                ask(known, List.of(one));
            }
            return;
        }
        for (int i = 0; i < numbers.length; i++) {
            batch.get(i).told().accept(new Given(numbers[i]));
        }
    }

    private static void fail(List<Asked> batch, FootholdException why) {
        batch.forEach(asked -> asked.told().accept(new Failed(why)));
    }
}
