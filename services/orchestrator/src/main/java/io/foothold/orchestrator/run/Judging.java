package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.settings.RewardSettings;
import io.foothold.core.settings.ScorerSettings;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.remote.Verifier;
import io.foothold.orchestrator.rollout.SampledRollout;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;

/** Has rollouts judged: their verdict, and beside it what gives further rewards of the run. Does not block. Thread-safe. */
final class Judging {
    private final RunSpec spec;
    private final Services services;
    /** Responses that judges were asked about. */
    private final AtomicLong asked;

    /**
     * As a run does it.
     *
     * @param asked responses that its judges were asked about before
     */
    Judging(RunSpec spec, Services services, long asked) {
        this.spec = spec;
        this.services = services;
        this.asked = new AtomicLong(asked);
    }

    /** At most so many responses the judges of a run were asked about before: all rollouts that its ledger knows. */
    static long before(RunSpec spec, Ledger ledger) {
        return spec.settings().verification().judgeBudget() == 0
                ? 0
                : ledger.countsByPurpose(spec.runId()).values().stream()
                        .mapToLong(Long::longValue)
                        .sum();
    }

    private void checkBudget() {
        long most = spec.settings().verification().judgeBudget();
        if (most > 0
                && spec.settings().verification().scorers().values().stream().anyMatch(ScorerSettings::asksServer)
                && asked.incrementAndGet() > most) {
            throw new FootholdException(
                    ErrorCode.WRONG_STATE,
                    "verification.judge_budget: the run's judges and reward models were asked about " + most
                            + " responses, as many as they may be; resume it with a larger budget");
        }
    }

    /**
     * Has a rollout judged. One of whose rewards any has no verdict, has none: neither a part of a sum nor a 0 stands for what is not known.
     *
     * @param trace that it is part of; empty for none
     * @return never fails
     * @throws FootholdException WRONG_STATE when the run's judges may not be asked any more
     */
    CompletableFuture<Judged> judge(Problem problem, SampledRollout rollout, String trace) {
        checkBudget();
        CompletableFuture<Verdict> verdict = services.verifier()
                .verify(
                        work(rollout.id(), problem, rollout, trace, spec.scorer(problem.kind())),
                        spec.verifier(problem.kind()));
        Map<String, CompletableFuture<Verdict>> apart = new LinkedHashMap<>();
        List<RewardSettings> rewards = spec.rewards().parts();
        for (int i = 0; i < rewards.size(); i++) {
            RewardSettings reward = rewards.get(i);
            if (reward.judgedApart()) {
                apart.put(
                        reward.name(),
                        services.verifier()
                                .verify(
                                        work(
                                                rollout.id() + "#" + reward.name(),
                                                problem,
                                                rollout,
                                                trace,
                                                Optional.of(spec.scorerOf(i))),
                                        ""));
            }
        }
        return CompletableFuture.allOf(apart.values().toArray(new CompletableFuture<?>[0]))
                .thenCombine(verdict, (nothing, own) -> judged(rollout, own, apart))
                .exceptionally(failure -> new Judged(rollout.id(), rollout, null, FootholdException.of(failure)));
    }

    private Verifier.Work work(
            String id, Problem problem, SampledRollout rollout, String trace, Optional<Verifier.Scorer> scorer) {
        return new Verifier.Work(
                id,
                problem,
                rollout.response().text(),
                rollout.response().opensInThought(),
                spec.verificationOptions(),
                false,
                trace,
                scorer);
    }

    /** A rollout with all that was said of it. */
    private Judged judged(SampledRollout rollout, Verdict verdict, Map<String, CompletableFuture<Verdict>> apart) {
        if (!verdict.kind().judged() || spec.rewards().parts().isEmpty()) {
            return new Judged(rollout.id(), rollout, verdict, null);
        }
        Map<String, Double> scores = new HashMap<>();
        for (Map.Entry<String, CompletableFuture<Verdict>> one : apart.entrySet()) {
            Verdict said = one.getValue().join();
            if (!said.kind().judged()) {
                return new Judged(
                        rollout.id(),
                        rollout,
                        new Verdict(said.kind(), 0, "", "reward '" + one.getKey() + "': " + said.rule()),
                        null);
            }
            scores.put(one.getKey(), said.score());
        }
        return new Judged(
                rollout.id(), rollout, verdict, null, false, spec.rewards(verdict, rollout.truncated(), scores));
    }
}
