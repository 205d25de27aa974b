package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.remote.ItemFailures;
import io.foothold.orchestrator.remote.RolloutMessages;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.remote.Verifier;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.v1.FailedRollout;
import io.foothold.v1.PolicyName;
import io.foothold.v1.Reservation;
import io.foothold.v1.Rollout;
import io.foothold.v1.SampleResponse;
import io.foothold.v1.SampleWork;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Asks sampler and verifier for rollouts, once, and takes only what the wanted policy sampled. Blocks its caller, who runs on a virtual
 * thread. Thread-safe.
 */
final class RolloutSource {
    private final RunSpec spec;
    private final Services services;
    private final Function<String, Problem> problems;
    private volatile long newest;
    private volatile @Nullable PolicyVersion kept;

    /**
     * A source.
     *
     * @param problems by id
     */
    RolloutSource(RunSpec spec, Services services, Function<String, Problem> problems) {
        this.spec = spec;
        this.services = services;
        this.problems = problems;
    }

    /**
     * Has rollouts sampled and judged, each as it comes.
     *
     * @return one a reservation, in order
     */
    List<Judged> judged(
            String groupId,
            PromptedStart start,
            Sampling settings,
            List<Reservation> reservations,
            Wanted wanted) {
        Problem problem = problems.apply(start.problemId());
        BlockingQueue<Optional<SampleResponse>> arrived = new LinkedBlockingQueue<>();
        SampleWork work = work(groupId, start, settings, reservations, wanted);
        CompletableFuture<FootholdException> missing = sample(work, response -> arrived.add(Optional.of(response)))
                .handle((nothing, failure) -> {
                    arrived.add(Optional.empty());
                    return failure == null
                            ? new FootholdException(ErrorCode.INTERNAL, "the sampler ended without this rollout")
                            : FootholdException.of(failure);
                });
        // Each is judged as it comes, while its neighbours are still being sampled.
        Map<String, CompletableFuture<Judged>> judging = new HashMap<>();
        for (Optional<SampleResponse> next = take(arrived); next.isPresent(); next = take(arrived)) {
            SampleResponse response = next.get();
            if (response.hasFailed()) {
                Judged failed = failed(response.getFailed());
                judging.put(failed.rolloutId(), CompletableFuture.completedFuture(failed));
            } else {
                Judged sampled = accepted(response.getRollout(), wanted);
                judging.put(
                        sampled.rolloutId(),
                        sampled.failure() == null
                                ? judge(problem, response.getRollout(), start.trace())
                                : CompletableFuture.completedFuture(sampled));
            }
        }
        return reservations.stream()
                .map(Reservation::getRolloutId)
                .map(id -> {
                    CompletableFuture<Judged> own = judging.get(id);
                    return own == null ? new Judged(id, null, null, missing.join()) : own.join();
                })
                .toList();
    }

    /** Work for the sampler. */
    static SampleWork work(
            String groupId,
            PromptedStart start,
            Sampling settings,
            List<Reservation> reservations,
            Wanted wanted) {
        SampleWork.Builder out = SampleWork.newBuilder()
                .setGroupId(groupId)
                .setStart(RolloutMessages.message(start))
                .setSettings(RolloutMessages.message(settings))
                .addAllReservations(reservations)
                .setMinPolicyVersion(wanted.policy().number());
        if (wanted.exactly()) {
            out.setPolicy(PolicyName.newBuilder()
                    .setVersion(wanted.policy().number())
                    .setDigest(wanted.policy().digest()));
        }
        return out.build();
    }

    /**
     * Which policy may sample.
     *
     * @param exactly whether no other may; else every later one of the run may too
     */
    record Wanted(PolicyVersion policy, boolean exactly) {}

    static Wanted exactly(PolicyVersion policy) {
        return new Wanted(policy, true);
    }

    /** In asynchronous runs the policy changes while a group is sampled; the gate bounds how old its tokens may be. */
    Wanted forTraining(PolicyVersion policy) {
        return new Wanted(policy, spec.staleness() == 0);
    }

    /** Told before a version is published: from then on tokens may rightly be stamped with it. */
    void publishing(long version) {
        newest = version;
    }

    /** Told which policy the servers have that keep theirs. */
    void keeps(PolicyVersion policy) {
        kept = policy;
    }

    /** The policy of the servers that keep theirs. */
    PolicyVersion keptPolicy() {
        PolicyVersion known = kept;
        if (known == null) {
            throw new IllegalStateException("nobody asked the servers that keep their policy which one it is");
        }
        return known;
    }

    /** A rollout, unless its tokens come from a policy that may not sample it: whoever stamped them, they are not what was asked for. */
    private Judged accepted(Rollout rollout, Wanted wanted) {
        long oldest = wanted.policy().number();
        long latest = wanted.exactly() ? oldest : newest;
        boolean right = rollout.getPolicyVersionsList().stream().allMatch(v -> v >= oldest && v <= latest)
                && (!wanted.exactly()
                        || rollout.getPolicyDigest().equals(wanted.policy().digest()));
        return right
                ? new Judged(rollout.getId(), rollout, null, null)
                : new Judged(
                        rollout.getId(),
                        null,
                        null,
                        new FootholdException(
                                ErrorCode.PEER_UNAVAILABLE,
                                "rollout " + rollout.getId() + " was sampled by versions "
                                        + rollout.getPolicyVersionsList().stream()
                                                .distinct()
                                                .toList()
                                        + (wanted.exactly() ? " (" + rollout.getPolicyDigest() + ")" : "")
                                        + ", asked for "
                                        + (wanted.exactly() ? wanted.policy() : oldest + " to " + latest)),
                        true);
    }

    private static Judged failed(FailedRollout failed) {
        return new Judged(failed.getRolloutId(), null, null, ItemFailures.failure(failed.getFailure()), true);
    }

    /** Has one rollout sampled that nobody judges. */
    CompletableFuture<Judged> unjudged(SampleWork work, Wanted wanted) {
        String id = work.getReservations(0).getRolloutId();
        AtomicReference<@Nullable SampleResponse> arrived = new AtomicReference<>();
        return sample(work, arrived::set).handle((nothing, failure) -> {
            SampleResponse response = arrived.get();
            if (response == null) {
                return new Judged(
                        id,
                        null,
                        null,
                        failure == null
                                ? new FootholdException(ErrorCode.INTERNAL, "the sampler ended without this rollout")
                                : FootholdException.of(failure));
            }
            return response.hasFailed() ? failed(response.getFailed()) : accepted(response.getRollout(), wanted);
        });
    }

    private CompletableFuture<Void> sample(SampleWork work, Consumer<SampleResponse> onEach) {
        try {
            return services.sampler().sample(work, onEach);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<Judged> judge(Problem problem, Rollout rollout, String trace) {
        return services.verifier()
                .verify(
                        new Verifier.Work(
                                rollout.getId(),
                                problem.kind(),
                                problem.answer(),
                                rollout.getText(),
                                rollout.getOpensInThought(),
                                spec.verificationOptions(),
                                false,
                                trace),
                        spec.verifier(problem.kind()))
                .handle((verdict, failure) -> new Judged(
                        rollout.getId(), rollout, verdict, failure == null ? null : FootholdException.of(failure)));
    }

    private static <T> T take(BlockingQueue<T> queue) {
        try {
            return queue.take();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        }
    }
}
