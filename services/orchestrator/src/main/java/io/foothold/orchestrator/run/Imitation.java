package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.remote.Learner;
import io.foothold.orchestrator.remote.Services;
import java.util.ArrayList;
import java.util.List;

/** What a run imitates before its first update, each behind the unguided prompt: oracle solutions, or guided answers that passed. */
final class Imitation {
    private final RunSpec spec;
    private final Services services;

    private final GuidedTraces traces;

    Imitation(RunSpec spec, Services services, GuidedTraces traces) {
        this.spec = spec;
        this.services = services;
        this.traces = traces;
    }

    /**
     * The solutions as tokens; none where the run does not imitate. Blocks.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_DATA} for problems without an oracle solution, and for a solution whose first
     *     token would be drawn together with the last of the prompt
     */
    List<Learner.Solution> solutions() {
        if (!spec.settings().sft().asked()) {
            return List.of();
        }
        if (spec.settings().sft().sampled()) {
            return traces.kept();
        }
        List<Problem> problems = services.augmentation().problems(spec.trainSource());
        List<Problem> without =
                problems.stream().filter(p -> p.oracleThoughts().isEmpty()).toList();
        if (!without.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "sft imitates oracle solutions, and " + without.size() + " of " + problems.size()
                            + " problems of problems.train have none, the first is '"
                            + without.getFirst().id() + "' (expected 'thoughts' or 'solution' on each)");
        }
        List<List<Integer>> prompts = PromptFit.tokens(
                spec,
                services,
                problems.stream().map(p -> spec.prompts().root(p.statement())).toList());
        List<List<Integer>> whole = PromptFit.tokens(
                spec,
                services,
                problems.stream()
                        .map(p -> spec.settings().answered(p.statement(), OracleScorer.solution(p)))
                        .toList());
        List<Learner.Solution> out = new ArrayList<>();
        for (int i = 0; i < problems.size(); i++) {
            OracleScorer.Encoded encoded = OracleScorer.encoded(problems.get(i).id(), prompts.get(i), whole.get(i));
            if (!encoded.problem().isEmpty()) {
                throw new FootholdException(
                        ErrorCode.INVALID_DATA, "sft: problem '" + encoded.id() + "': " + encoded.problem());
            }
            out.add(encoded.tokens());
        }
        return out;
    }
}
