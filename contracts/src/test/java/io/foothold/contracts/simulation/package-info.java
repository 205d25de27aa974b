/** A clock, a network and their faults, by seed: what protocols are simulated in. */
@NullMarked
package io.foothold.contracts.simulation;

import org.jspecify.annotations.NullMarked;
