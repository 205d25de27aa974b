package io.foothold.core.method;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import java.util.List;

/**
 * Hints only where all are wrong: the rule of Guide (arXiv 2506.13923). A problem is tried from its root; when every answer failed, the
 * same number of rollouts starts behind the hint that the place was drawn with. They replace none: both groups are trained, each
 * against its own start. Without a hint the first group stands alone. A hinted group that cannot be had loses the place.
 *
 * <p>Guide trains its hinted answers under the bare prompt, weighed by the ratio of the two. Here the hint is the beginning of a solution and
 * the answer goes on from it: under the bare prompt it would be taught to begin in the middle. So they are plain guided starts.
 *
 * @param members of each group
 */
public record Hinted(int members) implements Method {
    /** At least one member. */
    public Hinted {
        if (members < 1) {
            throw new IllegalArgumentException("a group needs a member: " + members);
        }
    }

    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        Sampling sampling = new Sampling(peers);
        StartState root = new StartState.Root(start.problemId());
        List<Rollout> alone = sampling.group("", root, members, seeds);
        Group first = Group.of(root, alone);
        if (start.equals(root) || alone.stream().anyMatch(Rollout::passed)) {
            return new Place(List.of(first), sampling.ends());
        }
        List<Rollout> hinted = sampling.group("hinted", start, members, seeds.split("hinted"));
        return new Place(List.of(first, Group.of(start, hinted)), sampling.ends());
    }
}
