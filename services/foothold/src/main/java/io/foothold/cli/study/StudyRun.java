package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.cli.process.ThisProgram;
import io.foothold.cli.report.Progress;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.run.RunManager;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * Runs what is left of a study and writes its report. Each process takes one run after the other; which runs are taken is told by locks on
 * files, so that processes share the work, also those of another terminal, and one that dies holds nothing.
 */
public final class StudyRun {
    private static final List<Study> STUDIES = List.of(new PopeStudy(), new ResetStudy());
    private static final int QUICK_SEEDS = 3;

    /**
     * What is asked for.
     *
     * @param quick whether the small version is run
     * @param seeds how many; 0 takes the study's own
     * @param firstSeed the first of them
     * @param arms names of the arms; empty takes all of the version
     * @param processes that run beside each other
     * @param updates most updates of a run; 0 takes the study's own
     * @param home directory of results and of what runs leave
     * @param report directory of the report
     */
    public record Options(
            boolean quick,
            int seeds,
            long firstSeed,
            List<String> arms,
            int processes,
            long updates,
            Path home,
            Path report) {
        /** Copies the arms; counts are sensible. */
        public Options {
            arms = List.copyOf(arms);
            if (seeds < 0 || processes < 1 || updates < 0) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "--seeds and --updates must not be negative and --processes at least 1, got " + seeds + ", "
                                + updates + " and " + processes);
            }
        }
    }

    private final Study study;
    private final Options options;
    private final List<Arm> arms;
    private final List<Job> jobs = new ArrayList<>();

    /**
     * What is to be done.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for a study or an arm that is none
     */
    public StudyRun(String name, Options options) {
        this(named(name), options);
    }

    /** The same of a study of another kind. */
    StudyRun(Study study, Options options) {
        this.study = study;
        this.options = options;
        this.arms = chosen();
        int seeds = options.seeds() > 0 ? options.seeds() : options.quick() ? QUICK_SEEDS : study.seeds();
        // A seed of every arm before the next seed: a study that is stopped early has something to compare.
        LongStream.range(0, seeds).forEach(i -> arms.forEach(arm -> jobs.add(Job.of(arm, options.firstSeed() + i))));
    }

    /** The names of the studies. */
    public static List<String> names() {
        return STUDIES.stream().map(Study::name).toList();
    }

    /** The names of the arms of all studies, each once. */
    public static List<String> armNames() {
        return STUDIES.stream()
                .flatMap(study -> study.arms().stream().map(Arm::name))
                .distinct()
                .toList();
    }

    private static Study named(String name) {
        return STUDIES.stream()
                .filter(s -> s.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new FootholdException(
                        ErrorCode.INVALID_INPUT, "study '" + name + "'" + Nearest.hint(name, names())));
    }

    private List<Arm> chosen() {
        List<String> known = study.arms().stream().map(Arm::name).toList();
        options.arms().stream().filter(n -> !known.contains(n)).findFirst().ifPresent(n -> {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "--arm '" + n + "'" + Nearest.hint(n, known));
        });
        List<String> wanted = !options.arms().isEmpty() ? options.arms() : options.quick() ? study.quick() : known;
        List<String> shorter = options.updates() > 0 ? List.of("updates=" + options.updates()) : List.of();
        return study.arms().stream()
                .filter(a -> wanted.contains(a.name()))
                .map(a -> a.with(shorter))
                .toList();
    }

    /**
     * Runs what is left, in several processes, and writes the report. Gives the exit code: 0 when everything is finished.
     *
     * @param worker the command line of a further process of the same study
     */
    public int run(List<String> worker) throws Exception {
        List<Job> left = left();
        System.out.printf(Locale.ROOT, "study %s: %d runs, %d of them left%n", study.name(), jobs.size(), left.size());
        if (!left.isEmpty()) {
            List<Process> others = new ArrayList<>();
            try {
                for (int i = 1; i < Math.min(options.processes(), left.size()); i++) {
                    others.add(start(worker));
                }
                work();
                for (Process other : others) {
                    other.waitFor();
                }
            } finally {
                others.forEach(Process::destroy);
            }
        }
        return report();
    }

    /** Runs what nobody else runs, until there is nothing left to take. */
    public void work() throws Exception {
        if (left().isEmpty()) {
            return;
        }
        Path own = options.home()
                .resolve("work")
                .resolve(ProcessHandle.current().pid() + "-" + System.currentTimeMillis());
        study.withServices(own, arms, runs -> {
            for (Job job : jobs) {
                take(runs, job);
            }
            return 0;
        });
    }

    private void take(RunManager runs, Job job) throws InterruptedException {
        Path lock = options.home().resolve("locks").resolve(job.id());
        try {
            Files.createDirectories(lock.getParent());
            try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock held = channel.tryLock()) {
                if (held != null && !job.isDone(options.home())) {
                    make(runs, job);
                }
            }
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot lock " + lock + ": " + e.getMessage(), e);
        }
    }

    private void make(RunManager runs, Job job) throws InterruptedException {
        long start = System.nanoTime();
        try {
            runs.create(
                    job.id(), job.arm().runFile().apply(job.seed()), job.arm().settings());
            List<JsonNode> evaluations = new Progress(runs, System.out, false).finished(job.id());
            Map<String, Double> measured = study.measured(job.arm(), runs.homeOf(job.id()), updates(runs, job.id()));
            Outcome.of(runs, job.id(), job, evaluations, measured, (System.nanoTime() - start) / 1e9)
                    .write(job.result(options.home()));
        } catch (FootholdException e) {
            // The others are worth having; the report names this one.
            System.err.println("foothold: " + job.name() + ": " + e.text());
        }
    }

    private static List<JsonNode> updates(RunManager runs, String id) {
        List<JsonNode> out = new ArrayList<>();
        for (Ledger.EventRow event : runs.ledger().events(id, 0)) {
            if (event.kind().equals("update_done")) {
                out.add(event.details());
            }
        }
        return out;
    }

    private List<Job> left() {
        return jobs.stream().filter(job -> !job.isDone(options.home())).toList();
    }

    private int report() {
        List<Outcome> outcomes = new ArrayList<>();
        for (Arm arm : arms) {
            jobs.stream()
                    .filter(job -> job.arm().name().equals(arm.name()))
                    .filter(job -> job.isDone(options.home()))
                    .forEach(job -> Outcome.read(job.result(options.home())).ifPresent(outcomes::add));
        }
        List<String> missing = left().stream().map(Job::name).toList();
        StudyReport report = new StudyReport(study, arms, outcomes, study.beside(arms, options.home()), missing);
        report.write(options.report());
        System.out.print(report.table());
        System.out.println("report: "
                + options.report().resolve("report.html").toAbsolutePath().normalize());
        return missing.isEmpty() ? 0 : 1;
    }

    /** This program once more, which ends with this process. */
    private static Process start(List<String> arguments) throws IOException {
        return new ProcessBuilder(ThisProgram.command(arguments)).inheritIO().start();
    }
}
