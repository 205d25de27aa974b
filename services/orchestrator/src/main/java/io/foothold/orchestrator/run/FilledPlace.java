package io.foothold.orchestrator.run;

import java.util.List;
import java.util.OptionalLong;

/**
 * What one place of an update gave.
 *
 * @param verifierErrors how many verdicts were errors on the way
 * @param refills how often it was filled again for want of a signal
 */
record FilledPlace(List<FilledGroup> groups, int verifierErrors, PlaceResets resets, int refills) {
    /** Every rollout that is to be trained. */
    List<FilledMember> members() {
        return groups.stream().flatMap(g -> g.members().stream()).toList();
    }

    /** The oldest policy version that is stamped on one of its tokens; empty without tokens. */
    OptionalLong oldestVersion() {
        return members().stream()
                .filter(m -> !m.rollout().given())
                .flatMap(m -> m.rollout().tokens().policyVersions().stream())
                .mapToLong(Long::longValue)
                .min();
    }

    int size() {
        return groups.stream().mapToInt(g -> g.members().size()).sum();
    }
}
