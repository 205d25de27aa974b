package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.remote.Sampler;
import io.foothold.orchestrator.remote.Sampler.Reservation;
import io.foothold.orchestrator.remote.Sampler.Wanted;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.FinishReason;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import io.foothold.orchestrator.rollout.Sampling;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Asks sampler and verifier for rollouts, once, and takes only what the wanted policy sampled. Blocks its caller, who runs on a virtual
 * thread. Thread-safe.
 */
final class RolloutSource {
    private static final int MOST_TOLD = 20;

    private final RunSpec spec;
    private final Services services;
    private final Function<String, Problem> problems;
    private final Judging judging;
    private volatile long newest;
    private volatile Consumer<Happening> told = event -> {};
    private volatile @Nullable PolicyVersion kept;

    /**
     * A source.
     *
     * @param problems by id
     * @param judging of what comes
     */
    RolloutSource(RunSpec spec, Services services, Function<String, Problem> problems, Judging judging) {
        this.spec = spec;
        this.services = services;
        this.problems = problems;
        this.judging = judging;
    }

    /**
     * Has rollouts sampled and judged, each as it comes.
     *
     * @return one a reservation, in order
     */
    List<Judged> judged(
            String groupId, PromptedStart start, Sampling settings, List<Reservation> reservations, Wanted wanted) {
        Problem problem = problems.apply(start.problemId());
        BlockingQueue<Optional<Sampler.Answer>> arrived = new LinkedBlockingQueue<>();
        Sampler.Work work = new Sampler.Work(groupId, start, settings, reservations, wanted, false);
        CompletableFuture<FootholdException> missing = sample(work, response -> arrived.add(Optional.of(response)))
                .handle((nothing, failure) -> {
                    arrived.add(Optional.empty());
                    return failure == null
                            ? new FootholdException(ErrorCode.INTERNAL, "the sampler ended without this rollout")
                            : FootholdException.of(failure);
                });
        // Each is judged as it comes, while its neighbours are still being sampled.
        Map<String, CompletableFuture<Judged>> underWay = new HashMap<>();
        for (Optional<Sampler.Answer> next = take(arrived); next.isPresent(); next = take(arrived)) {
            Judged sampled = judgeable(next.get(), wanted);
            SampledRollout rollout = sampled.rollout();
            underWay.put(
                    sampled.rolloutId(),
                    rollout == null
                            ? CompletableFuture.completedFuture(sampled)
                            : judging.judge(problem, rollout, start.trace()));
        }
        List<Judged> all = reservations.stream()
                .map(Reservation::rolloutId)
                .map(id -> {
                    CompletableFuture<Judged> own = underWay.get(id);
                    return own == null ? new Judged(id, null, null, missing.join()) : own.join();
                })
                .toList();
        // Here, on the caller's thread: what completes a verdict may be a thread of the network, and telling waits for
        // the ledger.
        all.forEach(judged -> tellWithoutVerdict(problem, judged));
        return all;
    }

    private void tellWithoutVerdict(Problem problem, Judged judged) {
        Verdict verdict = judged.verdict();
        if (verdict != null && !judged.judged()) {
            told.accept(new Happening.NoVerdict(
                    judged.rolloutId(), problem.id(), verdict.kind().name(), verdict.rule()));
        }
    }

    /**
     * A problem's oracle solution as a rollout from the root. Its end token is the model's, which the learner knows and puts behind it.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_DATA} for a solution whose first token would be drawn together with the prompt's last
     */
    SampledRollout given(String id, String groupId, Problem problem) {
        String solution = OracleScorer.solution(problem);
        OracleScorer.Encoded encoded = OracleScorer.encoded(
                problem.id(),
                tokens(spec.prompts().root(problem.statement())),
                tokens(spec.settings().answered(problem.statement(), solution)));
        if (!encoded.problem().isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, "oracle_traces: problem '" + problem.id() + "': " + encoded.problem());
        }
        List<Integer> ids = encoded.tokens().tokenIds();
        return new SampledRollout(
                id,
                groupId,
                encoded.tokens().promptTokenIds(),
                List.of(),
                new SampledRollout.Tokens(
                        ids,
                        Collections.nCopies(ids.size(), 0f),
                        Collections.nCopies(ids.size(), PolicyVersion.NOBODY),
                        "",
                        FinishReason.STOP),
                new SampledRollout.Response(solution, List.of(), List.of(), false));
    }

    private List<Integer> tokens(String prompt) {
        return services.sampler().tokens(List.of(prompt), spec.answering()).getFirst();
    }

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

    /** What came and may be judged, or why there is nothing to judge. */
    private Judged judgeable(Sampler.Answer answer, Wanted wanted) {
        return switch (answer) {
            case Sampler.Came came -> accepted(came.rollout(), wanted);
            case Sampler.Failed failed -> new Judged(failed.rolloutId(), null, null, failed.failure(), true);
        };
    }

    /** A rollout, unless its tokens come from a policy that may not sample it: whoever stamped them, they are not what was asked for. */
    private Judged accepted(SampledRollout rollout, Wanted wanted) {
        long oldest = wanted.policy().number();
        long latest = wanted.exactly() ? oldest : newest;
        boolean right = rollout.tokens().policyVersions().stream().allMatch(v -> v >= oldest && v <= latest)
                && (!wanted.exactly()
                        || rollout.tokens()
                                .policyDigest()
                                .equals(wanted.policy().digest()));
        return right
                ? new Judged(rollout.id(), rollout, null, null)
                : new Judged(
                        rollout.id(),
                        null,
                        null,
                        new FootholdException(
                                ErrorCode.PEER_UNAVAILABLE,
                                "rollout " + rollout.id() + " was sampled by versions "
                                        + rollout.tokens().policyVersions().stream()
                                                .distinct()
                                                .toList()
                                        + (wanted.exactly()
                                                ? " (" + rollout.tokens().policyDigest() + ")"
                                                : "")
                                        + ", asked for "
                                        + (wanted.exactly() ? wanted.policy() : oldest + " to " + latest)),
                        true);
    }

    /** Has one rollout sampled that nobody judges. */
    CompletableFuture<Judged> unjudged(Sampler.Work work) {
        String id = work.reservations().getFirst().rolloutId();
        AtomicReference<Sampler.@Nullable Answer> arrived = new AtomicReference<>();
        return sample(work, arrived::set).handle((nothing, failure) -> {
            Sampler.Answer answer = arrived.get();
            if (answer == null) {
                return new Judged(
                        id,
                        null,
                        null,
                        failure == null
                                ? new FootholdException(ErrorCode.INTERNAL, "the sampler ended without this rollout")
                                : FootholdException.of(failure));
            }
            return judgeable(answer, work.wanted());
        });
    }

    private CompletableFuture<Void> sample(Sampler.Work work, Consumer<Sampler.Answer> onEach) {
        try {
            return services.sampler().sample(work, onEach);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    /** Tells this of rollouts that have no verdict, the first {@link #MOST_TOLD} of them: the ledger has all. */
    void tell(Consumer<Happening> events) {
        AtomicInteger count = new AtomicInteger();
        told = event -> {
            if (count.incrementAndGet() <= MOST_TOLD) {
                events.accept(event);
            }
        };
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
