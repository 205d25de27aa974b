package io.foothold.orchestrator.run;

import io.foothold.core.reset.LocalizationStatistics;
import io.foothold.v1.Rollout;

/** A seed that was reset. */
record Continuation(String problemId, Rollout seed, LocalizationStatistics.Outcome outcome) {}
