package io.foothold.cli;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.LedgerAudit;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerSchema;
import io.foothold.orchestrator.ledger.LedgerStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.concurrent.Callable;
import org.h2.jdbcx.JdbcDataSource;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Looks into the ledger. */
@Command(
        name = "ledger",
        mixinStandardHelpOptions = true,
        description = "Looks into the ledger of a home directory.",
        subcommands = LedgerCommand.Audit.class)
final class LedgerCommand implements Callable<Integer> {
    @Override
    public Integer call() {
        throw new FootholdException(ErrorCode.INVALID_INPUT, "ledger needs a command: audit RUN");
    }

    /** Opens the ledger of a home directory without any service. */
    static LedgerStore open(Path home) {
        Path file = home.toAbsolutePath().normalize().resolve("ledger");
        if (!Files.exists(file.resolveSibling("ledger.mv.db"))) {
            throw new FootholdException(ErrorCode.NOT_FOUND, "there is no ledger in " + home.toAbsolutePath());
        }
        JdbcDataSource source = new JdbcDataSource();
        source.setURL("jdbc:h2:file:" + file + ";IFEXISTS=TRUE");
        // What an earlier version wrote is brought to where its questions can be asked.
        LedgerSchema.migrate(source, file.toString());
        return new LedgerStore(source, InstantSource.system());
    }

    /** Checks conservation. */
    @Command(
            name = "audit",
            mixinStandardHelpOptions = true,
            description = "Counts rollouts by state; exit code 1 when one was lost or trained twice.")
    static final class Audit implements Callable<Integer> {
        @Parameters(paramLabel = "RUN", description = "The run.")
        private String run = "";

        @Option(names = "--home", description = "Directory of the ledger (default: ${DEFAULT-VALUE}).")
        private Path home = Path.of("foothold-home");

        @Override
        public Integer call() {
            try (LedgerStore ledger = open(home)) {
                Ledger.RunRow row = ledger.run(run)
                        .orElseThrow(() ->
                                new FootholdException(ErrorCode.NOT_FOUND, "there is no run '" + run + "' in " + home));
                LedgerAudit.Report report = ledger.audit(run);
                System.out.printf("run %s: %s, update %d of %d%n", run, row.state(), row.updateDone(), row.updates());
                report.counts()
                        .forEach((state, count) -> System.out.printf(
                                "  %-9s %d%n", state.name().toLowerCase(java.util.Locale.ROOT), count));
                System.out.printf(
                        "  lost %d, trained twice %d%n",
                        report.lost().size(), report.trainedTwice().size());
                report.lost().stream().limit(10).forEach(id -> System.out.println("  lost: " + id));
                report.trainedTwice().stream().limit(10).forEach(id -> System.out.println("  trained twice: " + id));
                ledger.manifests(run).stream()
                        .reduce((a, b) -> b)
                        .ifPresent(m ->
                                System.out.printf("  policy version %d, digest %s%n", m.policyVersion(), m.digest()));
                return report.sound() ? 0 : 1;
            }
        }
    }
}
