package io.foothold.verifier.function;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.code.Sandbox;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Functions of users, each with processes of its own that are there for as long as it is asked. Thread-safe. */
public final class RewardFunctions implements AutoCloseable {
    /** The setting that allows them. */
    public static final String KEY = "foothold.verifier.functions.allowed";

    /** After which nothing is kept of a function that nobody asks. */
    private static final Duration FORGOTTEN = Duration.ofMinutes(10);

    /** Functions that are kept at the same time. */
    private static final int MOST = 16;

    /**
     * How functions run.
     *
     * @param allowed whether they do
     * @param bubblewrap the program {@code bwrap}, by name or path
     * @param python the interpreter, by name or path
     * @param processes of each function
     * @param printedBytes most that a call may print, or write into a file
     */
    public record Setup(boolean allowed, String bubblewrap, String python, int processes, long printedBytes) {
        /** For whoever gives his own functions. */
        public static Setup standard() {
            return new Setup(true, "bwrap", "python3", 2, 1 << 20);
        }
    }

    private final Setup setup;
    private final Map<String, FunctionPool> pools = new HashMap<>();
    private final Object looking = new Object();
    private Interpreter.@Nullable Found interpreter;
    private boolean closed;

    /** None yet; an interpreter is looked for when the first one comes. */
    public RewardFunctions(Setup setup) {
        this.setup = setup;
    }

    /**
     * Has a response judged. The call is told a verdict of kind verifier error when the function's process fails or none can be had, and one of kind timeout when
     * it takes too long.
     *
     * @return takes the call back where nobody has begun with it
     * @throws FootholdException INVALID_INPUT when functions may not be run here, or not this one
     */
    public synchronized Runnable judge(RewardFunction function, FunctionCall call) {
        FunctionPool pool = pool(function);
        pool.ask(call);
        return () -> pool.forget(call);
    }

    /**
     * Loads a function as it will be when it judges.
     *
     * @throws FootholdException INVALID_INPUT with Python's report when it does not load, or as {@link #judge}
     */
    public void check(RewardFunction function) {
        CompletableFuture<Verdict> end = new CompletableFuture<>();
        var unused = judge(function, new FunctionCall(Map.of(), "", end::complete, true));
        Verdict verdict = end.join();
        if (verdict.kind() != Verdict.Kind.ABSTAIN) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, verdict.rule());
        }
    }

    private FunctionPool pool(RewardFunction function) {
        if (!setup.allowed()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    function
                            + " is not run: this verifier runs no functions of run files; whoever runs it allows them with "
                            + KEY);
        }
        if (closed) {
            throw new FootholdException(ErrorCode.DRAINING, "the verifier stops");
        }
        String key = function.sha256() + " " + function + " " + function.limits() + " " + function.passScore();
        FunctionPool known = pools.get(key);
        if (known != null) {
            return known;
        }
        if (!function.genuine()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, function + ": its text is not the one of its digest " + function.sha256());
        }
        forgetIdle();
        if (pools.size() >= MOST) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, function + " is not run: " + MOST + " other functions are in use here");
        }
        FunctionPool made =
                new FunctionPool(() -> sandbox(function), function, setup.processes(), setup.printedBytes());
        pools.put(key, made);
        return made;
    }

    private Sandbox sandbox(RewardFunction function) {
        Interpreter.Found found;
        synchronized (looking) {
            found = interpreter;
            if (found == null) {
                found = Interpreter.find(setup.bubblewrap(), setup.python());
                interpreter = found;
            }
        }
        if (!found.refusal().isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, function + " cannot be run here: " + found.refusal());
        }
        return found.sandbox();
    }

    /** Those that were not asked for long, and where that leaves no place the one that was not asked for longest. */
    private void forgetIdle() {
        pools.entrySet().stream()
                .sorted(Comparator.comparingLong(e -> -e.getValue().idle()))
                .limit(Math.max(
                        pools.size() - MOST + 1,
                        pools.values().stream()
                                .filter(pool -> pool.idle() > FORGOTTEN.toNanos())
                                .count()))
                .filter(e -> e.getValue().idle() > 0)
                .map(Map.Entry::getKey)
                .toList()
                .forEach(key -> Objects.requireNonNull(pools.remove(key)).close());
    }

    @Override
    public synchronized void close() {
        closed = true;
        pools.values().forEach(FunctionPool::close);
        pools.clear();
    }
}
