package io.foothold.orchestrator.rest;

import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.runfile.RunFile;

/**
 * A run as the REST interface shows it.
 *
 * @param method of its run file; empty of a run whose settings this version cannot read
 * @param runFile every setting, as a run file that resolves to them; of a run whose settings this version cannot read, what is
 *     stored
 * @param state created, running, stopped, finished or failed
 * @param updateDone the last update that was done
 * @param updates the last update that the run file asks for
 * @param reason why it stopped or failed; empty otherwise
 */
public record RunView(
        String id, String method, String runFile, String state, long updateDone, long updates, String reason) {
    static RunView of(Ledger.RunRow row) {
        String method = "";
        String printed = row.settings();
        try {
            RunFile file = RunFile.restore(row.settings());
            method = file.text("method");
            printed = file.print();
        } catch (FootholdException e) {
            // Such a run can be looked at and not resumed, and a list of runs must not fail because of one.
        }
        return new RunView(row.id(), method, printed, row.state(), row.updateDone(), row.updates(), row.reason());
    }
}
