package io.foothold.orchestrator.ledger;

import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.postgresql.PostgresServer;
import io.foothold.orchestrator.remote.WaitClock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** A process that has a run and writes its events one after the other, until one is refused. Arguments: the database's URL. */
final class LeaseHolder {
    private LeaseHolder() {}

    /** Prints each number that was written, and then the refusal. */
    public static void main(String[] args) throws Exception {
        try (LedgerDatabase database = LedgerDatabase.open(address(args[0]));
                LedgerStore ledger = store(database)) {
            Lease lease =
                    ledger.claim("r", "holder", "l", Optional.empty()).get().orElseThrow();
            Ledger own = ledger.inRun(lease);
            for (long number = 1; ; number++) {
                Ledger.await(own.saveEvent("r", new Ledger.EventRow(number, "holder", "{}")));
                String unused = own.renew(lease).get();
                System.out.println(number);
            }
        } catch (FootholdException e) {
            System.out.println(e.code() + " " + e.text());
        } catch (java.util.concurrent.ExecutionException e) {
            FootholdException why = FootholdException.of(e);
            System.out.println(why.code() + " " + why.text());
        }
        System.exit(0);
    }

    static LedgerDatabase.Address address(String url) {
        return new LedgerDatabase.Address(
                url, Optional.of(PostgresServer.USER), Optional.of(PostgresServer.PASSWORD), 4);
    }

    static LedgerStore store(LedgerDatabase database) {
        return new LedgerStore(
                database.source(),
                "test",
                Duration.ofSeconds(60),
                WaitClock.system(),
                () -> Instant.EPOCH,
                (end, number) -> {});
    }
}
