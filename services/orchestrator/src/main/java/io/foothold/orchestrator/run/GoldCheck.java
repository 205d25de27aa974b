package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.remote.Verifier;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Has the gold answer of every problem looked at before anything is sampled: one that cannot be judged by would cost rollouts. */
final class GoldCheck {
    private static final int SHOWN = 5;

    private final RunSpec spec;
    private final Services services;

    GoldCheck(RunSpec spec, Services services) {
        this.spec = spec;
        this.services = services;
    }

    /**
     * Checks a problem set.
     *
     * @throws FootholdException INVALID_DATA with the first problems whose answers are wrong
     */
    void check(String set, List<Problem> all) {
        List<CompletableFuture<Verdict>> verdicts = new ArrayList<>();
        // What a function or a judge makes of an answer is its own affair.
        List<Problem> problems =
                all.stream().filter(p -> spec.scorer(p.kind()).isEmpty()).toList();
        for (Problem p : problems) {
            verdicts.add(services.verifier()
                    .verify(
                            new Verifier.Work(
                                    "gold/" + set + "/" + p.id(),
                                    p,
                                    "",
                                    false,
                                    spec.verificationOptions(),
                                    true,
                                    "",
                                    Optional.empty()),
                            spec.verifier(p.kind())));
        }
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < problems.size(); i++) {
            Verdict verdict = verdict(verdicts.get(i));
            if (verdict.kind() == Verdict.Kind.VERIFIER_ERROR) {
                wrong.add("problem '" + problems.get(i).id() + "': " + verdict.rule());
            }
        }
        if (!wrong.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    set + ": " + wrong.size() + " of " + problems.size()
                            + " problems cannot be judged by their gold answers: "
                            + String.join("; ", wrong.subList(0, Math.min(SHOWN, wrong.size())))
                            + (wrong.size() > SHOWN ? "; …" : ""));
        }
    }

    private static Verdict verdict(CompletableFuture<Verdict> future) {
        try {
            return future.join();
        } catch (CompletionException e) {
            throw FootholdException.of(e);
        }
    }
}
