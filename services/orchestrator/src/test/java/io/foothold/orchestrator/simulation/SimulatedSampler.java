package io.foothold.orchestrator.simulation;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.random.Seeds;
import io.foothold.orchestrator.remote.Holder;
import io.foothold.orchestrator.update.Artefact;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * The sampler with its inference servers. A response is thoughts of two tokens; what they are depends on the seed, the policy and what
 * stands before. In flight a policy may change, and each token is stamped with the one that drew it. Killed, it forgets its policy, and its
 * servers come back with the base. Servers may sample with another policy than they were asked for, and say so.
 */
final class SimulatedSampler extends SimulatedNode {
    static final int END = 9;
    static final int RIGHT = 0;
    private static final int THOUGHTS = 3;
    private static final Duration LONGEST = Duration.ofMillis(300);
    private static final Duration SWITCH = Duration.ofMillis(50);

    /** A rollout that is asked for. */
    record Asked(String id, long seed) {}

    /**
     * A group that is asked for.
     *
     * @param limit of sampled tokens; 0 is none
     * @param oldest version that may sample
     * @param exactly digest of the one that has to
     */
    record Work(
            String group,
            String problem,
            List<Integer> given,
            int limit,
            List<Asked> asked,
            long oldest,
            Optional<String> exactly) {}

    /**
     * A response.
     *
     * @param response with what was given
     * @param versions of the policy, one a sampled token
     * @param digest of the policy where one was named; else empty
     * @param cut whether it ended at its limit
     */
    record Sampled(List<Integer> response, List<Long> versions, String digest, boolean cut) {}

    private static final PolicyVersion BASE = new PolicyVersion(0, SimulatedLearner.BASE);

    private PolicyVersion policy = BASE;
    private @Nullable Holder holder;

    SimulatedSampler(Weather weather) {
        super(weather, "sampler");
    }

    @Override
    void forget() {
        policy = BASE;
        holder = null;
    }

    CompletableFuture<Duration> publish(Artefact artefact, Holder publisher) {
        Holder now = holder;
        if (now != null && !now.equals(publisher) && publisher.incarnation() <= now.incarnation()) {
            throw new FootholdException(ErrorCode.CONFLICT, "another process publishes to these servers");
        }
        holder = publisher;
        CompletableFuture<Duration> done = new CompletableFuture<>();
        after(weather.upTo(SWITCH), () -> {
            policy = artefact.policy();
            done.complete(SWITCH);
        });
        return done;
    }

    void release(Holder publisher) {
        if (publisher.equals(holder)) {
            holder = null;
        }
    }

    /** The policy of the servers. */
    PolicyVersion policy() {
        return policy;
    }

    <R> void sample(
            Work work,
            List<String> keys,
            CreditedService.Results<Down<R>> results,
            BiFunction<Asked, Sampled, R> came,
            BiFunction<Asked, FootholdException, R> failed) {
        int[] left = {keys.size()};
        for (Asked asked : work.asked()) {
            if (!keys.contains(asked.id())) {
                continue;
            }
            after(weather.upTo(LONGEST), () -> {
                PolicyVersion first = policy;
                after(weather.upTo(LONGEST), () -> {
                    R result;
                    try {
                        if (weather.strikes(60)) {
                            weather.meet("server lost a rollout");
                            throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the server went away");
                        }
                        result = came.apply(asked, sampled(work, asked, first, policy));
                    } catch (FootholdException e) {
                        result = failed.apply(asked, e);
                    }
                    results.emit(new Down<>(0, asked.id(), result));
                    if (--left[0] == 0) {
                        results.done();
                    }
                });
            });
        }
    }

    private Sampled sampled(Work work, Asked asked, PolicyVersion first, PolicyVersion last) {
        boolean right = first.number() >= work.oldest()
                && last.number() >= work.oldest()
                && work.exactly()
                        .map(d -> d.equals(first.digest()) && d.equals(last.digest()))
                        .orElse(true);
        boolean careless = weather.strikes(3);
        if (!right && careless) {
            weather.meet("another policy sampled");
        }
        if (!right && !careless) {
            throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "no server has the policy that was asked for");
        }
        List<Integer> response = new ArrayList<>(work.given());
        List<Long> versions = new ArrayList<>();
        while (response.size() <= 2 * THOUGHTS && (work.limit() == 0 || versions.size() < work.limit())) {
            PolicyVersion now = response.size() < THOUGHTS ? first : last;
            long drawn = Seeds.of(asked.seed())
                    .split(work.problem())
                    .split(now.digest())
                    .split(response.size())
                    .nonNegative();
            boolean answer = response.size() == 2 * THOUGHTS;
            response.add(
                    answer ? (drawn % 3 == 0 ? RIGHT : 7) : response.size() % 2 == 1 ? END : 1 + (int) (drawn % 5));
            versions.add(now.number());
        }
        return new Sampled(
                response, versions, work.exactly().isPresent() ? last.digest() : "", response.size() <= 2 * THOUGHTS);
    }
}
