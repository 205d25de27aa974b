package io.foothold.orchestrator.remote;

import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import java.util.List;
import java.util.Optional;

/** Work for verifiers, for tests. */
final class Asked {
    private Asked() {}

    static Verifier.Work of(String rollout, ProblemKind kind, String gold, String response) {
        Problem problem = new Problem("p", "", kind, gold, List.of(), "", "", 0);
        return new Verifier.Work(rollout, problem, response, false, "", false, "", Optional.empty());
    }
}
