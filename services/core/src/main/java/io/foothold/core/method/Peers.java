package io.foothold.core.method;

import io.foothold.core.start.StartState;
import java.util.List;

/** Who samples and judges for one place of an update. Calls block; what one call asks for is made side by side. */
public interface Peers {
    /**
     * Has rollouts sampled and judged.
     *
     * @return one for each ask, in order; what could not be had is among them with its failure
     */
    List<Rollout> sample(List<Ask> asks);

    /**
     * Has the first wrong thoughts of failed rollouts named.
     *
     * @return one for each question, in order
     */
    List<Localization> localize(List<Question> questions);

    /**
     * The oracle's solution of a problem as a rollout that nobody sampled: its behaviour is that of somebody who writes just this, every token
     * with probability 1. It passed, and costs no sampled token.
     *
     * @param ask under which name it comes, from the root; its seeds are not used
     */
    Rollout given(Ask ask);

    /**
     * Another start state for the place, drawn as its first one was.
     *
     * @param time how often it is filled again, from 1
     */
    StartState another(int time);

    /** The most tokens that a rollout may sample from a start state; below 1 where nothing is left to sample. */
    int limit(StartState start);

    /**
     * The same peers, for a part of the place.
     *
     * @param part put in front of the names of its groups
     */
    default Peers under(String part) {
        Peers whole = this;
        return new Peers() {
            @Override
            public List<Rollout> sample(List<Ask> asks) {
                return whole.sample(asks.stream().map(ask -> ask.under(part)).toList());
            }

            @Override
            public List<Localization> localize(List<Question> questions) {
                return whole.localize(questions.stream().map(q -> q.under(part)).toList());
            }

            @Override
            public Rollout given(Ask ask) {
                return whole.given(ask.under(part));
            }

            @Override
            public StartState another(int time) {
                return whole.another(time);
            }

            @Override
            public int limit(StartState start) {
                return whole.limit(start);
            }
        };
    }
}
