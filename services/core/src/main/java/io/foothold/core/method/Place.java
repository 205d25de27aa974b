package io.foothold.core.method;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What one place of an update gave. Members of its groups are trained; every other rollout that came has an end.
 *
 * @param groups what is compared with each other, at least one
 * @param ends of the rollouts that are not trained
 * @param resets what its resets were like
 * @param refills how often it was filled again for want of a signal
 */
public record Place(List<Group> groups, List<End> ends, Resets resets, int refills) {

    /** A place without resets. */
    public Place(List<Group> groups, List<End> ends) {
        this(groups, ends, Resets.NONE);
    }

    /** A place that was filled once. */
    public Place(List<Group> groups, List<End> ends, Resets resets) {
        this(groups, ends, resets, 0);
    }

    /** Copies; no rollout has two ends. */
    public Place {
        groups = List.copyOf(groups);
        ends = List.copyOf(ends);
        if (groups.isEmpty()) {
            throw new IllegalArgumentException("a place needs a group");
        }
        Set<String> seen = new HashSet<>();
        groups.forEach(g -> g.members().forEach(m -> once(seen, m.rollout())));
        ends.forEach(e -> once(seen, e.rollout()));
    }

    private static void once(Set<String> seen, Rollout rollout) {
        if (!seen.add(rollout.id())) {
            throw new IllegalArgumentException("rollout " + rollout.id() + " has two ends");
        }
    }

    /** Everything that is trained. */
    public List<Member> members() {
        return groups.stream().flatMap(g -> g.members().stream()).toList();
    }

    /** The same, after others were given up. */
    Place after(List<End> givenUp, int refills) {
        List<End> all = new ArrayList<>(givenUp);
        all.addAll(ends);
        return new Place(groups, all, resets, refills);
    }

    /** Verdicts on the way that judged nothing. */
    public int unjudged() {
        return (int) ends.stream().filter(e -> e.rollout().unjudged()).count();
    }
}
