package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Services;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Holds a run to the problems that it was started with: their digest is stored at its first start and compared at every later one.
 * Other problems are refused unless somebody accepted just these.
 */
final class DataGuard {
    private static final String STARTED_WITH = "data";
    private static final String ACCEPTED = "accepted_data";

    /**
     * Longest id of a problem, in UTF-16 units: an id of a rollout holds it together with those of the run and the evaluation set,
     * and the ledger keeps 1,000.
     */
    private static final int LONGEST_ID = 500;

    private final RunSpec spec;
    private final Services services;
    private final Ledger ledger;

    DataGuard(RunSpec spec, Services services, Ledger ledger) {
        this.spec = spec;
        this.services = services;
        this.ledger = ledger;
    }

    /** Key of an evaluation set. */
    static String evaluation(String set) {
        return "problems.evaluate." + set;
    }

    /**
     * The problem sets of the run by their keys, the training problems first.
     *
     * @param training whether the training problems are among them
     * @throws FootholdException {@link ErrorCode#INVALID_DATA} when an id is too long for what is made of it
     */
    Map<String, List<Problem>> load(boolean training) {
        Map<String, List<Problem>> out = new LinkedHashMap<>();
        if (training) {
            out.put(ProblemChecks.TRAIN, services.augmentation().problems(spec.trainSource()));
        }
        for (String set : spec.file().evaluationSets()) {
            out.put(evaluation(set), services.augmentation().problems(spec.source(evaluation(set))));
        }
        out.forEach(DataGuard::checkIds);
        return out;
    }

    private static void checkIds(String key, List<Problem> problems) {
        for (int i = 0; i < problems.size(); i++) {
            String id = problems.get(i).id();
            if (id.length() > LONGEST_ID) {
                throw new FootholdException(
                        ErrorCode.INVALID_DATA,
                        key + ", problem " + (i + 1) + ": an id may have " + LONGEST_ID + " characters, '"
                                + id.substring(0, 60) + "…' has " + id.length());
            }
        }
    }

    /**
     * Looks at the data before a run is resumed; changes nothing but, where it is accepted, what is accepted.
     *
     * @param accept whether changed data is accepted
     * @throws FootholdException {@link ErrorCode#CONFLICT} with the difference when the data changed and that is not accepted
     */
    void beforeResume(boolean accept) {
        String known = ledger.preparation(spec.runId(), STARTED_WITH).orElse(null);
        if (known == null) {
            return;
        }
        DataDigest before = DataDigest.restore(known);
        DataDigest now = DataDigest.of(load(before.sets().containsKey(ProblemChecks.TRAIN)));
        List<String> differences = before.differences(now);
        if (differences.isEmpty()) {
            return;
        }
        if (accept) {
            Ledger.await(ledger.savePreparation(spec.runId(), ACCEPTED, now.stored()));
        } else if (!accepted(now)) {
            throw changed(differences);
        }
    }

    private boolean accepted(DataDigest now) {
        return ledger.preparation(spec.runId(), ACCEPTED)
                .filter(stored -> DataDigest.restore(stored).differences(now).isEmpty())
                .isPresent();
    }

    /**
     * Checks the problems that the run is about to go on with, or stores their digest when it begins. When changed problems were
     * accepted it tells so in an event; with changed training problems the hard set and the prefixes are looked for again.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} with the difference when the data changed and that was not accepted
     */
    void check(Map<String, List<Problem>> problems, RunLog log) {
        DataDigest now = DataDigest.of(problems);
        String known = ledger.preparation(spec.runId(), STARTED_WITH).orElse(null);
        if (known == null) {
            Ledger.await(ledger.savePreparation(spec.runId(), STARTED_WITH, now.stored()));
            return;
        }
        DataDigest before = DataDigest.restore(known);
        List<String> differences = before.differences(now);
        if (differences.isEmpty()) {
            return;
        }
        if (!accepted(now)) {
            throw changed(differences);
        }
        boolean prepareAgain = !before.sameSet(ProblemChecks.TRAIN, now);
        if (prepareAgain) {
            Ledger.await(ledger.forgetPrepared(spec.runId()));
        }
        log.event(new Happening.ChangedDataAccepted(prepareAgain, differences));
        Ledger.await(ledger.savePreparation(spec.runId(), STARTED_WITH, now.stored()));
    }

    private FootholdException changed(List<String> differences) {
        return new FootholdException(
                ErrorCode.CONFLICT,
                "the problems of run " + spec.runId() + " are not those that it was started with:\n  "
                        + String.join("\n  ", differences)
                        + "\nGive it those again, or accept the change (--accept-changed-data, accept_changed_data)");
    }
}
