package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.remote.Services;
import java.util.List;
import java.util.Map;

/** What is looked at in problems before anything is sampled: splits, gold answers, prompts. */
final class ProblemChecks {
    /** Key of the training problems. */
    static final String TRAIN = "problems.train";

    private final RunSpec spec;
    private final GoldCheck golds;
    private final PromptFit prompts;

    ProblemChecks(RunSpec spec, Services services) {
        this.spec = spec;
        this.golds = new GoldCheck(spec, services);
        this.prompts = new PromptFit(spec, services);
    }

    /**
     * Checks a problem set.
     *
     * @param key of the run file, such as problems.train
     * @throws FootholdException INVALID_DATA with the first problems that are wrong
     */
    void check(String key, List<Problem> problems) {
        if (key.equals(TRAIN)) {
            checkSplit(problems);
            checkSolutions(problems);
        }
        golds.check(key, problems);
        prompts.roots(key, problems);
        if (key.equals(TRAIN) && spec.settings().distillation().distillation().teaches()) {
            checkSolved(problems);
            prompts.taught(key, problems);
        }
    }

    /**
     * Checks the guided prompts of the training problems.
     *
     * @param found prefixes that are known already, in thoughts by problem
     * @throws FootholdException INVALID_DATA with the first problems whose prompts do not fit
     */
    void checkGuided(List<Problem> problems, Map<String, Integer> found) {
        prompts.guided(TRAIN, problems, found);
    }

    /** Nobody teaches what he does not know. */
    private static void checkSolved(List<Problem> problems) {
        List<Problem> without =
                problems.stream().filter(p -> p.oracleThoughts().isEmpty()).toList();
        if (!without.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "distillation shows oracle solutions, and " + without.size() + " of " + problems.size()
                            + " problems of " + TRAIN + " have none, the first is '"
                            + without.getFirst().id() + "' (expected 'thoughts' or 'solution' on each)");
        }
    }

    /** Where solutions are trained, every problem has one. */
    private void checkSolutions(List<Problem> problems) {
        List<Problem> without =
                problems.stream().filter(p -> p.oracleThoughts().isEmpty()).toList();
        if (spec.givesSolutions() && !without.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    TRAIN + ": the method trains oracle solutions, and " + without.size() + " of " + problems.size()
                            + " problems have none, the first is '"
                            + without.getFirst().id()
                            + "' (expected 'thoughts' or 'solution' on each)");
        }
    }

    /** Nobody trains on what is kept for testing without having said so. */
    private void checkSplit(List<Problem> problems) {
        String expected = spec.settings().problems().train().split();
        List<Problem> others =
                problems.stream().filter(p -> !p.split().equals(expected)).toList();
        if (!others.isEmpty()) {
            Problem first = others.getFirst();
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    TRAIN + ": " + others.size() + " of " + problems.size() + " problems are not of split '" + expected
                            + "', the first is '" + first.id() + "' of split '" + first.split()
                            + "' (to train on them all the same, give them one split and name it in " + TRAIN
                            + ".split)");
        }
    }
}
