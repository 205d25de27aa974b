package io.foothold.cli;

import io.foothold.cli.regress.RegressRun;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs a suite of runs whose numbers must pass gates. */
@Command(
        name = "regress",
        mixinStandardHelpOptions = true,
        description =
                "Trains the runs of a suite and holds their numbers against its gates. Writes junit.xml, summary.markdown and report.html. Exit "
                        + "code 0 when every gate holds, 1 when one is broken, 2 for a suite that is wrong.")
final class RegressCommand implements Callable<Integer> {
    @Parameters(paramLabel = "SUITE.yaml", description = "The suite.")
    private Path suite = Path.of("suite.yaml");

    @Option(names = "--home", description = "Directory of the runs (default: one of now below foothold-home).")
    private Optional<Path> home = Optional.empty();

    @Option(
            names = "--resume",
            description =
                    "Goes on with the runs that lie in --home; finished ones are counted as they are, whatever code made them.")
    private boolean resume;

    @Option(names = "--report", description = "Directory of the outcome (default: ${DEFAULT-VALUE}).")
    private Path report = Path.of("foothold-report");

    @Option(
            names = "--history",
            paramLabel = "FILE",
            description =
                    "Numbers of earlier times, from which baselines come: a file, or s3://BUCKET/KEY in the store that"
                            + " foothold.store is set for (default: SUITE.history.jsonl beside the suite).")
    private Optional<String> history = Optional.empty();

    @Option(names = "--record", description = "Adds the numbers of this time to the history when every gate holds.")
    private boolean record;

    @Override
    public Integer call() throws Exception {
        Path own = home.orElseGet(() -> Path.of(
                "foothold-home",
                "regress-" + DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").format(LocalDateTime.now())));
        Main.farewell("interrupted; go on with --resume --home " + own);
        return new RegressRun(
                        new RegressRun.Options(suite, own, resume, report, history, record),
                        LedgerCommand::open,
                        System.out)
                .run();
    }
}
