/**
 * Takes the events of runs from the ledger to a topic of a message broker. The ledger is the outbox: an event that is stored arrives at
 * least once, also when broker or process are away for a time, and a run never waits for it. One event of a run is under way at a time, so
 * the first copies of a run's events stand in the topic in order, whatever was repeated in between.
 */
@NullMarked
package io.foothold.orchestrator.outbox;

import org.jspecify.annotations.NullMarked;
