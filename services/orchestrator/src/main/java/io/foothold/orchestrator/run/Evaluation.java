package io.foothold.orchestrator.run;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.ledger.Ledger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import java.util.function.LongSupplier;

/** Evaluations of a run's policies: when, of which sets, and what is kept of them. Trains nothing. One thread at a time. */
final class Evaluation {
    /** Stands for the training problems where sets are named; no name of a set has a dot. */
    private static final String TRAINED = ProblemChecks.TRAIN;

    private final RunSpec spec;
    private final Ledger ledger;
    private final Evaluator evaluator;
    private final OracleScorer oracles;
    private final RunLog log;
    private final Map<String, List<Problem>> sets;
    private final List<Problem> train;
    private final LongSupplier trainingTokens;
    private final EvaluationSchedule schedule;
    private final BestEvaluation best = new BestEvaluation();

    /**
     * Evaluations.
     *
     * @param sets problems of each, in the order of the run file; the first decides which policy is the best
     * @param train problems that are trained on, whose oracle solutions are scored beside; may be empty
     * @param trainingTokens what training has cost so far in sampled tokens
     */
    Evaluation(
            RunSpec spec,
            Ledger ledger,
            Evaluator evaluator,
            OracleScorer oracles,
            RunLog log,
            Map<String, List<Problem>> sets,
            List<Problem> train,
            LongSupplier trainingTokens) {
        this.spec = spec;
        this.ledger = ledger;
        this.evaluator = evaluator;
        this.oracles = oracles;
        this.log = log;
        this.sets = sets;
        this.train = train;
        this.trainingTokens = trainingTokens;
        this.schedule = new EvaluationSchedule(
                spec.settings().evaluation().every(),
                spec.settings().evaluation().everyTokens());
        List<String> earlier = ledger.evaluations(spec.runId());
        best.restore(earlier, sets.keySet().iterator().next());
        schedule.restore(earlier);
    }

    /** Every set. */
    List<String> all() {
        return List.copyOf(sets.keySet());
    }

    /** The sets that are due behind an update. */
    List<String> due(long update) {
        return sets.keySet().stream()
                .filter(set -> schedule.due(set, update, trainingTokens.getAsLong()))
                .toList();
    }

    /** Whether the evaluation of these sets has oracle solutions scored, under the learner's own weights. */
    boolean scores(List<String> due) {
        return spec.oracleProblems() > 0 && !due.isEmpty();
    }

    /** Whether a pass@1 of the first set is better than all before it; it is the best from now on if so. */
    boolean improvedBy(double passAt1) {
        return best.improvedBy(passAt1);
    }

    /**
     * Evaluates those of these sets that were not evaluated at this update.
     *
     * @param policy that is evaluated
     * @param measured told pass@1 of the first set, if anything of it was judged, before the evaluation is stored: after a crash
     *     between the two it is measured again
     */
    void make(List<String> wanted, long update, PolicyVersion policy, DoubleConsumer measured)
            throws InterruptedException {
        String first = sets.keySet().iterator().next();
        for (Map.Entry<String, List<Problem>> set : sets.entrySet()) {
            String name = set.getKey();
            if (!wanted.contains(name) || ledger.evaluated(spec.runId(), update, name)) {
                continue;
            }
            // What the evaluated policy has cost; sampling for later ones goes on in asynchronous runs.
            long tokens = trainingTokens.getAsLong();
            Evaluator.Result result = evaluator.evaluate(name, set.getValue(), update, policy);
            result.json().put("training_tokens", tokens);
            score("oracle", name, set.getValue(), update, policy, result.json());
            if (name.equals(first)) {
                score("oracle_train", TRAINED, train, update, policy, result.json());
            }
            ObjectNode byUse = result.json().putObject("tokens_by_use");
            ledger.tokensByUse(spec.runId()).forEach(byUse::put);
            if (name.equals(first)) {
                result.passAt1().ifPresent(measured);
            }
            Ledger.await(ledger.saveEvaluation(
                    spec.runId(), update, name, result.json().toString()));
            schedule.made(name, update, tokens);
            log.samples(name, update, result.samples());
            log.event(new Happening.EvaluationDone(result.json()));
            result.passAt1().ifPresent(value -> log.scalars(update, Map.of("evaluation/" + name + "/pass@1", value)));
        }
    }

    /** Puts how likely a set's oracle solutions are into an evaluation. */
    private void score(
            String name, String set, List<Problem> problems, long update, PolicyVersion policy, ObjectNode evaluation) {
        if (spec.oracleProblems() == 0) {
            return;
        }
        oracles.score(name + "/" + set, problems, policy.number()).ifPresent(found -> {
            evaluation.set(name, found.json());
            log.oracles(set, update, found.lines());
            Map<String, Double> scalars = new LinkedHashMap<>();
            String at = set.equals(TRAINED) ? "training/" : "evaluation/" + set + "/";
            found.numbers().forEach((number, value) -> scalars.put(at + "oracle_" + number, value));
            log.scalars(update, scalars);
        });
    }
}
