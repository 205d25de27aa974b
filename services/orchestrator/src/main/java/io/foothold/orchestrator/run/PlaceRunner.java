package io.foothold.orchestrator.run;

import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.random.Seeds;
import io.foothold.v1.StartState;

/** Samples and judges what one place of an update gives. Blocks its caller, who runs on a virtual thread. */
interface PlaceRunner {
    /**
     * One place.
     *
     * @param groupId id of its first group; others are derived from it
     * @param start where its fresh rollouts begin
     * @param seed of everything random in it
     * @param policy the policy that samples; in asynchronous runs the oldest that may
     * @return at least one group; rollouts that are in none have their end
     */
    GroupRunner.Unit run(String groupId, StartState start, Seeds seed, PolicyVersion policy);
}
