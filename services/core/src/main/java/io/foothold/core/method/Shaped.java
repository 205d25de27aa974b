package io.foothold.core.method;

import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import io.foothold.core.verdict.RewardShaping;
import java.util.ArrayList;
import java.util.List;

/**
 * Fills a place and lets the lengths of answers change what they are compared by. Outermost: what a method decides by (which answers
 * failed, whether a place is silent) it decides by verdicts, as DAPO's dynamic sampling looks at accuracy alone.
 *
 * @param inner how a place is filled; its members' rewards are those of their own verdicts
 */
public record Shaped(Method inner, RewardShaping shaping) implements Method {
    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        Place place = inner.place(start, peers, seeds);
        return new Place(
                place.groups().stream().map(g -> shaped(g, peers)).toList(),
                place.ends(),
                place.resets(),
                place.refills());
    }

    private Group shaped(Group group, Peers peers) {
        double[] rewards = shaping.rewards(
                group.members().stream().map(m -> answer(m, peers)).toList());
        List<Member> members = new ArrayList<>();
        for (int i = 0; i < rewards.length; i++) {
            Member m = group.members().get(i);
            members.add(new Member(m.rollout(), rewards[i], m.refines()));
        }
        return new Group(group.start(), members);
    }

    private static RewardShaping.Answer answer(Member member, Peers peers) {
        Rollout own = member.rollout();
        return new RewardShaping.Answer(
                member.reward(),
                own.responseTokens(),
                peers.limit(own.start()) + own.start().givenTokens(),
                own.passed(),
                own.sampled().cut());
    }

    @Override
    public boolean fellBack() {
        return inner.fellBack();
    }
}
