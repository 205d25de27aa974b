package io.foothold.core.method;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.random.Seeds;
import io.foothold.core.start.StartState;
import java.util.ArrayList;
import java.util.List;

/**
 * Fills a place again, from another start state, while nothing that it gave carries an advantage: dynamic sampling (DAPO, arXiv
 * 2503.14476, section 3.2). What is given up is dropped with that reason; its tokens count as sampled for training. The last
 * attempt stands, with or without signal.
 *
 * @param inner how a place is filled
 * @param estimator the run's, which says what carries an advantage
 * @param most how often a place is filled again
 */
public record Refilled(Method inner, AdvantageEstimator estimator, int most) implements Method {
    static final String REASON = "no signal: every advantage of its place is 0";

    /** At least once. */
    public Refilled {
        if (most < 1) {
            throw new IllegalArgumentException("a place is filled again at least once: " + most);
        }
    }

    @Override
    public Place place(StartState start, Peers peers, Seeds seeds) {
        List<End> givenUp = new ArrayList<>();
        Place place = inner.place(start, peers, seeds);
        int refills = 0;
        while (refills < most && isSilent(place)) {
            place.members().forEach(m -> givenUp.add(new End.Dropped(m.rollout(), REASON)));
            givenUp.addAll(place.ends());
            refills++;
            try {
                place = inner.place(
                        peers.another(refills),
                        peers.under("again" + refills),
                        seeds.split("again").split(refills));
            } catch (PlaceLost e) {
                throw e.after(givenUp);
            }
        }
        return place.after(givenUp, refills);
    }

    private boolean isSilent(Place place) {
        return place.groups().stream().noneMatch(g -> estimator.signal(g.rewards()));
    }

    @Override
    public boolean fellBack() {
        return inner.fellBack();
    }
}
