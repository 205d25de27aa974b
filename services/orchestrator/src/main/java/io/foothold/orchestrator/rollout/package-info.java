/** What a run has sampled, in the words of the orchestrator: where rollouts begin, how they are drawn, what came, and what is trained. */
@NullMarked
package io.foothold.orchestrator.rollout;

import org.jspecify.annotations.NullMarked;
