package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.RolloutState;
import io.foothold.core.random.Seeds;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.remote.Services;
import io.foothold.v1.FinishReason;
import io.foothold.v1.Problem;
import io.foothold.v1.Reservation;
import io.foothold.v1.RewardedRollout;
import io.foothold.v1.Rollout;
import io.foothold.v1.SampleResponse;
import io.foothold.v1.SampleWork;
import io.foothold.v1.SamplingSettings;
import io.foothold.v1.StartState;
import io.foothold.v1.Verdict;
import io.foothold.v1.VerdictKind;
import io.foothold.v1.VerifyWork;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Takes groups through reserve, sample and verify. Blocks its caller, who runs on a virtual thread. Thread-safe. */
final class GroupRunner {
    private static final int ATTEMPTS = 3;

    /** A rollout with its verdict, or the reason why there is none. */
    record Judged(
            String rolloutId,
            @Nullable Rollout rollout,
            @Nullable Verdict verdict,
            @Nullable FootholdException failure) {
        boolean judged() {
            return verdict != null
                    && (verdict.getKind() == VerdictKind.VERDICT_KIND_PASS
                            || verdict.getKind() == VerdictKind.VERDICT_KIND_FAIL
                            || verdict.getKind() == VerdictKind.VERDICT_KIND_UNPARSEABLE);
        }

        boolean passed() {
            return verdict != null && verdict.getKind() == VerdictKind.VERDICT_KIND_PASS;
        }

        String verdictName() {
            return verdict == null ? "" : verdict.getKind().name().substring("VERDICT_KIND_".length());
        }

        int tokens() {
            return rollout == null ? 0 : rollout.getTokenIdsCount();
        }
    }

    /** A complete group. */
    record Group(String id, StartState start, List<RewardedRollout> members, List<Judged> judged, int verifierErrors) {}

    private final RunSpec spec;
    private final Services services;
    private final LedgerStore ledger;
    private final String incarnation;
    private final Map<String, Problem> problems = new ConcurrentHashMap<>();

    /**
     * A runner.
     *
     * @param incarnation suffix of rollout ids, so that a resumed run never reuses an id
     */
    GroupRunner(RunSpec spec, Services services, LedgerStore ledger, String incarnation) {
        this.spec = spec;
        this.services = services;
        this.ledger = ledger;
        this.incarnation = incarnation;
    }

    /** Makes problems known to the runner. */
    void know(List<Problem> known) {
        known.forEach(p -> problems.put(p.getId(), p));
    }

    /**
     * Samples and judges rollouts that serve something else than training.
     *
     * @param purpose evaluation, mining or search
     */
    List<Judged> consume(
            String purpose,
            String groupId,
            StartState start,
            SamplingSettings settings,
            int rollouts,
            Seeds seed,
            long version) {
        String id = groupId + incarnation;
        List<Reservation> reservations = new ArrayList<>();
        for (int r = 0; r < rollouts; r++) {
            reservations.add(reservation(id + "/" + r, seed.split(r)));
        }
        CompletableFuture<Void> reserved = reserve(id, purpose, reservations);
        List<Judged> judged = sampleAndJudge(id, start, settings, reservations, version);
        LedgerStore.await(reserved);
        LedgerStore.await(ledger.record(judged.stream()
                .map(j -> j.judged()
                        ? new LedgerStore.Outcome(
                                j.rolloutId(),
                                RolloutState.CONSUMED,
                                j.verdictName(),
                                j.passed() ? 1 : 0,
                                j.tokens(),
                                purpose)
                        : dropped(j))
                .toList()));
        return judged;
    }

    /** Samples and judges a group for training; members without a verdict are asked for again. */
    Group train(String groupId, StartState start, Seeds seed, long version) {
        String id = groupId + incarnation;
        int size = spec.rolloutsPerGroup();
        List<RewardedRollout> members = new ArrayList<>();
        List<Judged> kept = new ArrayList<>();
        FootholdException last = new FootholdException(ErrorCode.INTERNAL, "no attempt was made");
        int errors = 0;
        List<Integer> missing = new ArrayList<>();
        for (int r = 0; r < size; r++) {
            missing.add(r);
        }
        for (int attempt = 0; attempt < ATTEMPTS && !missing.isEmpty(); attempt++) {
            List<Reservation> reservations = new ArrayList<>();
            for (int r : missing) {
                String suffix = attempt == 0 ? "" : "." + attempt;
                Seeds s = attempt == 0 ? seed.split(r) : seed.split(r).split(attempt);
                reservations.add(reservation(id + "/" + r + suffix, s));
            }
            CompletableFuture<Void> reserved = reserve(id, "train", reservations);
            List<LedgerStore.Outcome> outcomes = new ArrayList<>();
            List<Integer> still = new ArrayList<>();
            List<Judged> judged = sampleAndJudge(id, start, spec.trainSampling(), reservations, version);
            for (int i = 0; i < judged.size(); i++) {
                Judged j = judged.get(i);
                OptionalDouble reward = reward(j, seed.split(missing.get(i)).split("reward"));
                Rollout rollout = j.rollout();
                if (reward.isPresent() && rollout != null) {
                    outcomes.add(new LedgerStore.Outcome(
                            j.rolloutId(),
                            RolloutState.VERIFIED,
                            j.verdictName(),
                            reward.getAsDouble(),
                            j.tokens(),
                            ""));
                    members.add(RewardedRollout.newBuilder()
                            .setRollout(rollout)
                            .setReward(reward.getAsDouble())
                            .build());
                    kept.add(j);
                } else {
                    outcomes.add(dropped(j));
                    errors += j.verdict() == null ? 0 : 1;
                    last = why(j);
                    still.add(missing.get(i));
                }
            }
            LedgerStore.await(reserved);
            LedgerStore.await(ledger.record(outcomes));
            missing = still;
        }
        if (!missing.isEmpty()) {
            drop(kept, "its group lost " + missing.size() + " members: " + last.text());
            throw last;
        }
        return new Group(id, start, members, kept, errors);
    }

    /** Gives up rollouts that have a verdict already. */
    void drop(List<Judged> judged, String reason) {
        LedgerStore.await(ledger.record(judged.stream()
                .map(j -> new LedgerStore.Outcome(
                        j.rolloutId(), RolloutState.DROPPED, j.verdictName(), 0, j.tokens(), reason))
                .toList()));
    }

    private static Reservation reservation(String id, Seeds seed) {
        return Reservation.newBuilder()
                .setRolloutId(id)
                .setSeed(seed.nonNegative())
                .build();
    }

    /** Queued before sampling begins; the outcome, written behind it by the same writer, waits for it. */
    private CompletableFuture<Void> reserve(String groupId, String purpose, List<Reservation> reservations) {
        return ledger.reserve(
                spec.runId(),
                groupId,
                purpose,
                reservations.stream().map(Reservation::getRolloutId).toList());
    }

    private OptionalDouble reward(Judged j, Seeds seed) {
        Verdict verdict = j.verdict();
        Rollout rollout = j.rollout();
        if (verdict == null || rollout == null || !j.judged()) {
            return OptionalDouble.empty();
        }
        return spec.reward()
                .reward(
                        new io.foothold.core.verdict.Verdict(
                                io.foothold.core.verdict.Verdict.Kind.valueOf(j.verdictName()),
                                verdict.getScore(),
                                verdict.getCandidate(),
                                verdict.getRule()),
                        rollout.getFinishReason() == FinishReason.FINISH_REASON_LENGTH,
                        Seeds.uniform(seed.value(), 0));
    }

    private static LedgerStore.Outcome dropped(Judged j) {
        return new LedgerStore.Outcome(
                j.rolloutId(), RolloutState.DROPPED, j.verdictName(), 0, j.tokens(), why(j).text());
    }

    private static FootholdException why(Judged j) {
        FootholdException failure = j.failure();
        Verdict verdict = j.verdict();
        return failure != null
                ? failure
                : new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "no verdict: " + (verdict == null ? "none came" : j.verdictName() + " " + verdict.getRule()));
    }

    private List<Judged> sampleAndJudge(
            String groupId, StartState start, SamplingSettings settings, List<Reservation> reservations, long version) {
        Problem problem = problems.get(start.getProblemId());
        if (problem == null) {
            throw new IllegalStateException("problem " + start.getProblemId() + " is not known");
        }
        BlockingQueue<Optional<SampleResponse>> arrived = new LinkedBlockingQueue<>();
        SampleWork work = SampleWork.newBuilder()
                .setGroupId(groupId)
                .setStart(start)
                .setSettings(settings)
                .addAllReservations(reservations)
                .setMinPolicyVersion(version)
                .build();
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
                String id = response.getFailed().getRolloutId();
                FootholdException failure =
                        Services.failure(response.getFailed().getFailure());
                judging.put(id, CompletableFuture.completedFuture(new Judged(id, null, null, failure)));
            } else {
                judging.put(response.getRollout().getId(), judge(problem, response.getRollout()));
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

    private CompletableFuture<Void> sample(SampleWork work, Consumer<SampleResponse> onEach) {
        try {
            return services.sample(work, onEach);
        } catch (RuntimeException e) {
            return CompletableFuture.failedFuture(e);
        }
    }

    private CompletableFuture<Judged> judge(Problem problem, Rollout rollout) {
        return services.verify(VerifyWork.newBuilder()
                        .setRolloutId(rollout.getId())
                        .setKind(problem.getKind())
                        .setGold(problem.getAnswer())
                        .setResponse(rollout.getText())
                        .build())
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
