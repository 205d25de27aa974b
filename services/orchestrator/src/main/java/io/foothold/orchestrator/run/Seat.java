package io.foothold.orchestrator.run;

import java.time.Duration;
import java.util.UUID;

/**
 * A process of the orchestrator towards the others that share its ledger.
 *
 * @param owner its name, which no other has
 * @param learner address of its learner, which serves one run at a time
 * @param lease how long a run belongs to a process that nothing is heard of
 * @param alone whether no other process can have the ledger: then whatever had a run before is gone
 */
public record Seat(String owner, String learner, Duration lease, boolean alone) {
    /** The only one, over a ledger in a file of its own. */
    public static Seat only() {
        return new Seat(named("orchestrator"), "learner", Duration.ofSeconds(15), true);
    }

    /** A name with what no other process of that name has. */
    public static String named(String name) {
        return name + "-" + UUID.randomUUID();
    }

    /** How often owners say that they live, and the others look whether they do. */
    Duration pulse() {
        return lease.dividedBy(5);
    }
}
