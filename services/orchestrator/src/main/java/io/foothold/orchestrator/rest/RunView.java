package io.foothold.orchestrator.rest;

import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.runfile.RunFile;

/**
 * A run as the REST interface shows it.
 *
 * @param runFile every setting, as a run file that resolves to them; of a run whose settings this version cannot read, what is
 *     stored
 * @param state created, running, stopped, finished or failed
 * @param updateDone the last update that was done
 * @param updates the last update that the run file asks for
 * @param reason why it stopped or failed; empty otherwise
 */
public record RunView(String id, String runFile, String state, long updateDone, long updates, String reason) {
    static RunView of(Ledger.RunRow row) {
        return new RunView(row.id(), printed(row), row.state(), row.updateDone(), row.updates(), row.reason());
    }

    private static String printed(Ledger.RunRow row) {
        try {
            return RunFile.restore(row.settings()).print();
        } catch (FootholdException e) {
            // Such a run can be looked at and not resumed, and a list of runs must not fail because of one.
            return row.settings();
        }
    }
}
