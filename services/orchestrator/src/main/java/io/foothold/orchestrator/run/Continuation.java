package io.foothold.orchestrator.run;

import io.foothold.core.reset.LocalizationStatistics;
import io.foothold.orchestrator.rollout.SampledRollout;

/** A seed that was reset. */
record Continuation(String problemId, SampledRollout seed, LocalizationStatistics.Outcome outcome) {}
