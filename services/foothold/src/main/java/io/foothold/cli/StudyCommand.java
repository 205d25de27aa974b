package io.foothold.cli;

import io.foothold.cli.study.StudyRun;
import io.foothold.cli.terminal.Words;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** A comparison over several seeds, with one page. */
@Command(
        name = "study",
        mixinStandardHelpOptions = true,
        description =
                "Runs the arms of a study over several seeds and writes one page: every seed with its interval, curves, and which of the "
                        + "paper's signs came out. What is finished is not run again. Exit code 1 while something is left.")
final class StudyCommand implements Callable<Integer> {
    /** The studies. */
    static final class Studies extends Words {
        Studies() {
            super(StudyRun.names());
        }
    }

    /** The arms of all of them. */
    static final class Arms extends Words {
        Arms() {
            super(StudyRun.armNames());
        }
    }

    @Parameters(paramLabel = "NAME", completionCandidates = Studies.class, description = "${COMPLETION-CANDIDATES}.")
    private String name = "";

    @Option(names = "--quick", description = "The small version: three seeds and fewer arms.")
    private boolean quick;

    @Option(names = "--seeds", description = "How many seeds (default: 5, with --quick 3).")
    private int seeds;

    @Option(names = "--first-seed", description = "The first seed (default: ${DEFAULT-VALUE}).")
    private long firstSeed;

    @Option(
            names = "--arm",
            paramLabel = "NAME",
            completionCandidates = Arms.class,
            description = "Runs this arm only, by its name in the report; repeatable.")
    private List<String> arms = new ArrayList<>();

    @Option(
            names = "--processes",
            description =
                    "Runs beside each other, a process each (default: one a core). More may join from other terminals.")
    private int processes = Runtime.getRuntime().availableProcessors();

    @Option(
            names = "--updates",
            description =
                    "Most updates of a run, for a look whether it works; signs mean nothing then (default: the study's own).")
    private long updates;

    @Option(
            names = "--home",
            description = "Directory of results and of what runs leave (default: foothold-home/study-NAME).")
    private Path home = Path.of("");

    @Option(names = "--report", description = "Directory of report.html and report.json (default: ${DEFAULT-VALUE}).")
    private Path report = Path.of("foothold-report");

    @Option(names = "--worker", hidden = true, description = "Takes runs and writes no report.")
    private boolean worker;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() throws Exception {
        Path own = home.toString().isEmpty() ? Path.of("foothold-home", "study-" + name) : home;
        StudyRun run = new StudyRun(
                name, new StudyRun.Options(quick, seeds, firstSeed, arms, processes, updates, own, report));
        if (worker) {
            run.work();
            return 0;
        }
        Main.farewell("interrupted; the same command goes on with what is left");
        List<String> further =
                new ArrayList<>(spec.root().commandLine().getParseResult().originalArgs());
        further.add("--worker");
        return run.run(further);
    }
}
