package io.foothold.orchestrator.run;

import io.foothold.contracts.digest.TextDigest;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.remote.Verifier;
import io.foothold.orchestrator.update.ServerState;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CompletionException;

/** Brings ledger, learner and inference servers to one update before a run begins or goes on. */
final class Reconciliation {
    private final RunSpec spec;
    private final Services services;
    private final Ledger ledger;
    private final LearnerLink learner;
    private final Publication publication;
    private final RolloutSource rollouts;
    private final RunLog log;
    private volatile boolean opened;

    Reconciliation(
            RunSpec spec,
            Services services,
            Ledger ledger,
            LearnerLink learner,
            Publication publication,
            RolloutSource rollouts,
            RunLog log) {
        this.spec = spec;
        this.services = services;
        this.ledger = ledger;
        this.learner = learner;
        this.publication = publication;
        this.rollouts = rollouts;
        this.log = log;
    }

    /** Whether the learner was opened. Any thread. */
    boolean opened() {
        return opened;
    }

    /** Looks whether the verifiers that the run file names are there. */
    void reach() {
        spec.verifiers()
                .forEach((key, address) ->
                        services.verifier().named(key, address).reach(key));
        spec.scorers().forEach(this::load);
    }

    /** Has a function loaded, a judge or a reward model looked at, before anything is sampled that it would judge. */
    private void load(String key, Verifier.Scorer scorer) {
        Problem none = new Problem("function", "", ProblemKind.EXACT, "", List.of(), "", "", 0);
        Verifier.Work work = new Verifier.Work("function", none, "", false, "", true, "", Optional.of(scorer));
        Verdict verdict;
        try {
            verdict = services.verifier().verify(work, "").join();
        } catch (CompletionException e) {
            throw FootholdException.of(e);
        }
        if (verdict.kind() != Verdict.Kind.ABSTAIN) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, key + ": " + verdict.rule());
        }
        log.event(
                switch (scorer) {
                    case Verifier.RewardFunction function ->
                        new Happening.RewardFunctionLoaded(
                                function.settings().file() + ":"
                                        + function.settings().name(),
                                function.sha256());
                    case Verifier.ChatJudge judge ->
                        new Happening.JudgeAccepted(
                                judge.settings().url(),
                                judge.settings().model(),
                                TextDigest.sha256(judge.settings().prompt()));
                    case Verifier.RewardModel model ->
                        new Happening.RewardModelFound(
                                model.settings().server(),
                                model.settings().model(),
                                model.settings().version(),
                                verdict.rule());
                });
    }

    /** Brings learner and ledger to the same update, then the inference servers to the same policy. */
    LearnerLink.Position reconcile() {
        Ledger.await(ledger.dropUnfinished(spec.runId(), "the process that sampled it died"));
        LearnerLink.Position at = learner.open();
        at.opened()
                .damagedCheckpoints()
                .forEach(what -> log.event(
                        new Happening.CheckpointDamaged(what, at.opened().update())));
        opened = true;
        publication.publish(at.artefact());
        log.event(InferenceServers.told(services.sampler().servers()));
        if (spec.localizes() && spec.keptLocalizer()) {
            rollouts.keeps(kept(
                    at.opened().update() == 0 ? at.opened().artefact().policy().digest() : ""));
        }
        return at;
    }

    /** The policy of the servers that keep theirs: they must be there, and hold just the first one if it is that which localizes. */
    private PolicyVersion kept(String ownFirst) {
        String first = ledger.preparation(spec.runId(), "first_policy").orElse(ownFirst);
        Ledger.await(ledger.savePreparation(spec.runId(), "first_policy", first));
        List<ServerState> kept = services.sampler().servers().stream()
                .filter(ServerState::frozen)
                .toList();
        if (kept.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "localizer.policy: "
                            + spec.settings().localizer().policy().name().toLowerCase(Locale.ROOT)
                            + " needs servers that keep their policy: set foothold.sampler.frozen-endpoints");
        }
        for (ServerState server : kept) {
            if (!server.healthy() || (spec.frozenLocalizer() && !server.digest().equals(first))) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "server " + server.endpoint() + " should keep "
                                + (spec.frozenLocalizer() ? "the run's first policy " + first : "a policy")
                                + ", it has "
                                + (server.healthy() ? server.digest() : "a problem: " + server.problem()));
            }
        }
        List<PolicyVersion> policies = kept.stream()
                .map(server -> new PolicyVersion(server.policyVersion(), server.digest()))
                .distinct()
                .toList();
        if (policies.size() > 1) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "servers that keep their policy must all have the same one: " + policies);
        }
        return policies.get(0);
    }
}
