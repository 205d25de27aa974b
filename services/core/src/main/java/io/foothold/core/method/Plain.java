package io.foothold.core.method;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import java.util.List;

/**
 * One group from the start state itself: GRPO (arXiv 2402.03300, section 4.1) and, with guided start states among the roots, POPE
 * (arXiv 2601.18779).
 *
 * @param members of the group
 */
public record Plain(int members) implements Method {
    /** At least one member. */
    public Plain {
        if (members < 1) {
            throw new IllegalArgumentException("a group needs a member: " + members);
        }
    }

    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        Sampling sampling = new Sampling(peers);
        List<Rollout> rollouts = sampling.group("", start, members, seeds);
        return new Place(List.of(Group.of(start, rollouts)), sampling.ends());
    }
}
