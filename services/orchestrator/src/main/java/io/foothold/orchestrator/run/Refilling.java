package io.foothold.orchestrator.run;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.random.Seeds;
import io.foothold.v1.StartState;
import java.util.function.IntFunction;

/**
 * Fills a place again, from another start state, while nothing that it gave carries an advantage: dynamic sampling (DAPO, arXiv
 * 2503.14476, section 3.2). What is given up is dropped with that reason; its tokens count as sampled for training. The last
 * attempt stands, with or without signal. Blocks its caller, who runs on a virtual thread. Thread-safe.
 */
final class Refilling implements PlaceRunner {
    static final String REASON = "no signal: every advantage of its place is 0";

    private final PlaceRunner inner;
    private final GroupRunner groups;
    private final AdvantageEstimator estimator;
    private final int most;
    private final IntFunction<StartState> others;

    /**
     * A runner.
     *
     * @param most how often a place is filled again
     * @param others start state of each further attempt, from 1
     */
    Refilling(
            PlaceRunner inner,
            GroupRunner groups,
            AdvantageEstimator estimator,
            int most,
            IntFunction<StartState> others) {
        this.inner = inner;
        this.groups = groups;
        this.estimator = estimator;
        this.most = most;
        this.others = others;
    }

    @Override
    public GroupRunner.Unit run(String groupId, StartState start, Seeds seed, PolicyVersion policy) {
        GroupRunner.Unit unit = inner.run(groupId, start, seed, policy);
        int errors = unit.verifierErrors();
        int refills = 0;
        while (refills < most && silent(unit)) {
            groups.drop(unit.members(), REASON);
            refills++;
            unit = inner.run(
                    groupId + "/again" + refills,
                    others.apply(refills),
                    seed.split("again").split(refills),
                    policy);
            errors += unit.verifierErrors();
        }
        return new GroupRunner.Unit(unit.groups(), errors, unit.resets(), refills);
    }

    private boolean silent(GroupRunner.Unit unit) {
        return unit.groups().stream()
                .noneMatch(g -> estimator.signal(g.members().stream()
                        .mapToDouble(GroupRunner.Member::reward)
                        .toArray()));
    }
}
