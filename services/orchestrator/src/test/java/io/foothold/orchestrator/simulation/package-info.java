/** Whole runs in simulated time: the real run, every service a small state machine, and a network, a disk and processes that fail. */
@NullMarked
package io.foothold.orchestrator.simulation;

import org.jspecify.annotations.NullMarked;
