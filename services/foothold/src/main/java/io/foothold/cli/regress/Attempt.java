package io.foothold.cli.regress;

import java.util.List;
import java.util.Optional;

/**
 * One run of an entry.
 *
 * @param seed empty for a table of estimators
 * @param failure why it did not come to its end; empty when it did
 * @param seconds wall time
 */
record Attempt(Suite.Entry entry, Optional<Long> seed, String failure, List<Gate.Finding> findings, double seconds) {
    /** Whether it came to its end and no gate is broken. */
    boolean held() {
        return failure.isEmpty() && findings.stream().noneMatch(f -> f.outcome() == Gate.Outcome.BROKEN);
    }

    /** The run and its seed. */
    String name() {
        return entry.name() + seed.map(s -> ", seed " + s).orElse("");
    }
}
