/** Why a rollout or an update is as it is, from what the ledger and a run's files keep; asks no service. */
@NullMarked
package io.foothold.orchestrator.explain;

import org.jspecify.annotations.NullMarked;
