package io.foothold.core.method;

import io.foothold.core.start.StartState;
import io.foothold.core.verdict.Verdict;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/**
 * A continuation of a start state, as a method sees it. Tokens and text stay with whoever sampled it, under its id.
 *
 * @param id opaque, unique in the run
 * @param group opaque id of the group that it was asked for in
 * @param start where it begins
 * @param response what was sampled; null when it did not come
 * @param verdict what the verifier said; empty when it said nothing
 * @param reward the verdict's under the run's {@link io.foothold.core.verdict.RewardRule}; empty where nothing was judged, and for a
 *     segment that goes on
 * @param failure why it did not come or has no verdict; null otherwise
 */
public record Rollout(
        String id,
        String group,
        StartState start,
        @Nullable Response response,
        Optional<Verdict.Kind> verdict,
        OptionalDouble reward,
        @Nullable RuntimeException failure) {

    /**
     * What was sampled.
     *
     * @param tokens their number, without those that the start gives
     * @param thoughtEnds exclusive end of each thought, as an index into given and sampled tokens together
     * @param cut whether the limit of tokens ended it
     */
    public record Response(int tokens, List<Integer> thoughtEnds, boolean cut) {
        /** Copies the ends. */
        public Response {
            thoughtEnds = List.copyOf(thoughtEnds);
            if (tokens < 0) {
                throw new IllegalArgumentException("a response has " + tokens + " tokens");
            }
        }
    }

    /** What was not judged has no reward, and what is not there says why. */
    public Rollout {
        if (reward.isPresent()
                && (response == null || verdict.filter(Verdict.Kind::judged).isEmpty())) {
            throw new IllegalArgumentException("rollout " + id + " has a reward and was not judged");
        }
        if (response == null && failure == null) {
            throw new IllegalArgumentException("rollout " + id + " did not come and does not say why");
        }
    }

    /** Whether it was sampled. */
    public boolean came() {
        return response != null;
    }

    /** Whether its answer is right. */
    public boolean passed() {
        return verdict.filter(v -> v == Verdict.Kind.PASS).isPresent();
    }

    /** Whether the verifier answered and judged nothing: it was late, broke, or declined. */
    public boolean unjudged() {
        return verdict.filter(v -> !v.judged()).isPresent();
    }

    /** What was sampled of one that came. */
    public Response sampled() {
        return Objects.requireNonNull(response, id);
    }

    /** Given and sampled tokens. */
    public int responseTokens() {
        return start.givenTokens() + sampled().tokens();
    }
}
