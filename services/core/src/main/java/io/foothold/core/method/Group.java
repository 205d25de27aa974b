package io.foothold.core.method;

import io.foothold.core.start.StartState;
import java.util.List;

/**
 * Rollouts that are compared with each other.
 *
 * @param start where they begin; a refinement among them is trained as if it began there too
 * @param members at least one
 */
public record Group(StartState start, List<Member> members) {

    /** Copies; all members begin where the group does, or are trained as if they did. */
    public Group {
        members = List.copyOf(members);
        if (members.isEmpty()) {
            throw new IllegalArgumentException("an empty group");
        }
        for (Member m : members) {
            StartState own =
                    m.refines() == null ? m.rollout().start() : m.refines().start();
            if (!own.equals(start)) {
                throw new IllegalArgumentException(
                        "rollout " + m.rollout().id() + " begins at " + own + ", its group at " + start);
            }
        }
    }

    /** Rollouts with their own rewards. */
    static Group of(StartState start, List<Rollout> rollouts) {
        return new Group(start, rollouts.stream().map(Member::of).toList());
    }

    /** Opaque id: that under which its first member was asked for. */
    public String id() {
        return members.get(0).rollout().group();
    }

    /** One a member. */
    public double[] rewards() {
        return members.stream().mapToDouble(Member::reward).toArray();
    }
}
