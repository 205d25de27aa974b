package io.foothold.orchestrator.run;

import java.util.List;

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

    int size() {
        return groups.stream().mapToInt(g -> g.members().size()).sum();
    }
}
