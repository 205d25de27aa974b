package io.foothold.cli.regress;

import io.foothold.cli.process.ThisProgram;
import io.foothold.cli.reference.PresetExperiments;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.random.Seeds;
import io.foothold.orchestrator.ledger.LedgerStore;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;

/** Runs a suite, run by run, each as the command {@code train} in a process of its own, and judges them. */
public final class RegressRun {
    private static final long ESTIMATOR_SEED = 1;
    private static final Duration GRACE = Duration.ofSeconds(20);
    private static final int LINES_TOLD = 4;

    /**
     * What was asked for.
     *
     * @param suite the suite's file
     * @param home where the runs lie
     * @param resume whether runs that lie there are gone on with, and finished ones counted as they are
     * @param history file of earlier numbers, or an object s3://BUCKET/KEY; empty for a file beside the suite, named as it is
     * @param record whether the numbers of this time are added to the history when every gate holds
     */
    public record Options(
            Path suite, Path home, boolean resume, Path report, Optional<String> history, boolean record) {}

    private final Options options;
    private final Suite suite;
    private final History history;
    private final Function<Path, LedgerStore> ledgers;
    private final PrintStream out;
    private final Instant deadline;

    /**
     * A suite that is ready to run.
     *
     * @param ledgers opens the ledger of a home
     * @param out where the outcome of each gate is told
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for a suite or a history that is wrong
     */
    public RegressRun(Options options, Function<Path, LedgerStore> ledgers, PrintStream out) {
        this.options = options;
        this.suite = Suite.read(options.suite());
        this.history = History.of(options.history().orElseGet(() -> beside(options.suite())));
        this.ledgers = ledgers;
        this.out = out;
        this.deadline = Instant.now().plusMillis((long) (suite.minutes() * 60_000));
        checkHome();
    }

    /** A run of before says nothing of the code of today. */
    private void checkHome() {
        if (options.resume()) {
            return;
        }
        for (Suite.Entry entry : suite.entries()) {
            if (entry.work() instanceof Suite.Training training) {
                Stream.concat(training.seeds().stream(), training.spares().stream())
                        .map(seed -> options.home().resolve(id(entry, seed)))
                        .filter(Files::exists)
                        .findFirst()
                        .ifPresent(there -> {
                            throw new FootholdException(
                                    ErrorCode.INVALID_INPUT,
                                    there + " is there already: use --resume to go on with it, or another --home");
                        });
            }
        }
    }

    private static String id(Suite.Entry entry, long seed) {
        return entry.name() + "-seed" + seed;
    }

    private static String beside(Path suite) {
        String name = suite.getFileName().toString().replaceFirst("\\.ya?ml$", "");
        return suite.resolveSibling(name + ".history.jsonl").toString();
    }

    /** Gives the exit code: 0 when every gate holds, else 1. */
    public int run() throws InterruptedException {
        List<Attempt> counted = new ArrayList<>();
        List<Attempt> replaced = new ArrayList<>();
        for (Suite.Entry entry : suite.entries()) {
            switch (entry.work()) {
                case Suite.Estimators table -> counted.add(told(table(entry, table)));
                case Suite.Training training -> train(entry, training, counted, replaced);
            }
        }
        RegressReport report = new RegressReport(suite, counted, replaced);
        report.write(options.report());
        boolean held = counted.stream().allMatch(Attempt::held);
        if (held && options.record()) {
            record(counted);
        }
        out.print(report.summary());
        return held ? 0 : 1;
    }

    private void train(Suite.Entry entry, Suite.Training training, List<Attempt> counted, List<Attempt> replaced)
            throws InterruptedException {
        List<Long> spares = new ArrayList<>(training.spares());
        for (long seed : training.seeds()) {
            Attempt attempt = told(attempt(entry, training, seed));
            if (!attempt.held() && !spares.isEmpty()) {
                replaced.add(attempt);
                attempt = told(attempt(entry, training, spares.removeFirst()));
            }
            counted.add(attempt);
        }
    }

    private Attempt told(Attempt attempt) {
        out.printf("regress: %s: %s, %.0f s%n", attempt.name(), attempt.held() ? "held" : "BROKEN", attempt.seconds());
        if (!attempt.failure().isEmpty()) {
            out.println("  " + attempt.failure());
        }
        attempt.findings()
                .forEach(f -> out.printf("  %-11s %s: %s%n", f.word(), f.gate().text(), f.told()));
        return attempt;
    }

    private Attempt table(Suite.Entry entry, Suite.Estimators table) {
        long start = System.nanoTime();
        Numbers numbers = Numbers.of(PresetExperiments.table(table.trials(), Seeds.of(ESTIMATOR_SEED)));
        return new Attempt(entry, Optional.empty(), "", judged(entry, numbers), secondsSince(start));
    }

    private Attempt attempt(Suite.Entry entry, Suite.Training training, long seed) throws InterruptedException {
        long start = System.nanoTime();
        String id = id(entry, seed);
        Path home = options.home().resolve(id);
        String failure = trained(training, seed, id, home);
        if (!failure.isEmpty()) {
            return new Attempt(entry, Optional.of(seed), failure, List.of(), secondsSince(start));
        }
        try (LedgerStore ledger = ledgers.apply(home)) {
            return new Attempt(
                    entry, Optional.of(seed), "", judged(entry, Numbers.of(ledger, id)), secondsSince(start));
        }
    }

    /** Trains to the end; gives why it did not come there. */
    private String trained(Suite.Training training, long seed, String id, Path home) throws InterruptedException {
        Duration left = Duration.between(Instant.now(), deadline);
        if (left.isNegative()) {
            return "not run: the suite's " + suite.minutes() + " minutes were over";
        }
        List<String> arguments = new ArrayList<>(
                List.of("train", training.file().toString(), "--id", id, "--resume", "--home", home.toString()));
        training.of(seed).forEach(setting -> arguments.addAll(List.of("--set", setting)));
        File log = home.resolve("train.log").toFile();
        try {
            Files.createDirectories(home);
            Process process = new ProcessBuilder(ThisProgram.command(arguments))
                    .redirectErrorStream(true)
                    .redirectOutput(log)
                    .start();
            try {
                if (!process.waitFor(left.toMillis(), TimeUnit.MILLISECONDS)) {
                    return "ended: the suite's " + suite.minutes() + " minutes are over (what it did is in " + log
                            + ")";
                }
            } finally {
                end(process);
            }
            return process.exitValue() == 0
                    ? ""
                    : "train ended with " + process.exitValue() + ": " + lastLines(log.toPath());
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot run in " + home + ": " + e.getMessage(), e);
        }
    }

    private static void end(Process process) {
        process.destroy();
        try {
            if (!process.waitFor(GRACE.toMillis(), TimeUnit.MILLISECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    private static String lastLines(Path log) throws IOException {
        List<String> lines = Files.readAllLines(log);
        return String.join(" / ", lines.subList(Math.max(0, lines.size() - LINES_TOLD), lines.size()));
    }

    private List<Gate.Finding> judged(Suite.Entry entry, Numbers numbers) {
        return entry.gates().stream()
                .map(gate -> gate.judge(numbers, history.baseline(suite.name(), entry.name(), gate.named())))
                .toList();
    }

    private void record(List<Attempt> attempts) {
        for (Suite.Entry entry : suite.entries()) {
            Map<String, List<Double>> found = new LinkedHashMap<>();
            attempts.stream()
                    .filter(a -> a.entry().equals(entry))
                    .flatMap(a -> a.findings().stream())
                    .forEach(f -> f.value()
                            .ifPresent(v -> found.computeIfAbsent(f.gate().named(), m -> new ArrayList<>())
                                    .add(v)));
            Map<String, Double> medians = new LinkedHashMap<>();
            found.forEach((measure, values) -> {
                OptionalDouble median = History.median(values);
                median.ifPresent(m -> medians.put(measure, m));
            });
            history.add(suite.name(), entry.name(), Instant.now().toString(), medians);
        }
    }

    private static double secondsSince(long start) {
        return (System.nanoTime() - start) / 1e9;
    }
}
