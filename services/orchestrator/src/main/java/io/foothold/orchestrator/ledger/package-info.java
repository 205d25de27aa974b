/** The durable record of every rollout, update and evaluation. */
@NullMarked
package io.foothold.orchestrator.ledger;

import org.jspecify.annotations.NullMarked;
