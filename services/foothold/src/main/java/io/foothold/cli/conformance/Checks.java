package io.foothold.cli.conformance;

import io.foothold.inference.*;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Runs cases and keeps what came of each. */
final class Checks {
    /** Something is not as demanded. */
    static final class Wrong extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Wrong(String what) {
            super(what, null, false, false);
        }
    }

    /** What a case does. */
    interface Probe {
        void run() throws Exception;
    }

    private final List<Conformance.Result> results = new ArrayList<>();

    List<Conformance.Result> results() {
        return List.copyOf(results);
    }

    void check(String name, Probe probe) {
        try {
            probe.run();
            results.add(new Conformance.Result(name, Conformance.Outcome.PASSED, ""));
        } catch (Wrong e) {
            results.add(new Conformance.Result(name, Conformance.Outcome.FAILED, String.valueOf(e.getMessage())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            results.add(new Conformance.Result(name, Conformance.Outcome.FAILED, "interrupted"));
        } catch (Exception e) {
            results.add(new Conformance.Result(name, Conformance.Outcome.FAILED, e.toString()));
        }
    }

    void unless(boolean differs, Conformance.Outcome outcome, String name, String why, Probe probe) {
        if (differs) {
            results.add(new Conformance.Result(name, outcome, why));
        } else {
            check(name, probe);
        }
    }

    static void equal(@Nullable Object expected, @Nullable Object found, String what) {
        if (!Objects.equals(expected, found)) {
            throw new Wrong(what + ": expected '" + expected + "', got '" + found + "'");
        }
    }

    static void refused(Status.Code code, String text, Probe probe) throws Exception {
        try {
            probe.run();
        } catch (StatusRuntimeException e) {
            equal(code, e.getStatus().getCode(), "code");
            equal(text, Objects.requireNonNullElse(e.getStatus().getDescription(), ""), "text");
            return;
        }
        throw new Wrong("expected " + code + " '" + text + "', it succeeded");
    }
}
