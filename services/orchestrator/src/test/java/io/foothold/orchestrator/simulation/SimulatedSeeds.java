package io.foothold.orchestrator.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.orchestrator.simulation.SimulatedRun.Plan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;

/**
 * Whole runs in simulated time, one a seed and one after the other: threads of which one runs at a time cannot share a JVM with others of their
 * kind, so what is to go on beside it is another process ({@link #main}).
 */
final class SimulatedSeeds {
    static final String SEED = "foothold.simulation.seed";

    /** Begins a line of a process that says what its runs met. */
    private static final String MET = "met: ";

    private final Path home;
    private final Map<Integer, List<String>> undisturbed = new HashMap<>();
    private final Set<String> met = new TreeSet<>();

    SimulatedSeeds(Path home) {
        this.home = home;
    }

    /** What went wrong in the runs that were lived. */
    Set<String> met() {
        return met;
    }

    /** Lives a run, and compares it where it has to make just what it makes undisturbed. */
    void live(long seed) {
        SimulatedRun run = simulated(seed);
        if (run.comparable()) {
            met.add("compared");
            assertThat(run.course()).isEqualTo(undisturbed(run.plan));
        }
        met.addAll(run.weather.met.keySet());
    }

    /** Lives every {@code step}th run from the first to before the end; one that fails is named. */
    void live(long first, long end, long step) {
        for (long seed = first; seed < end; seed += step) {
            try {
                live(seed);
            } catch (Throwable t) {
                throw new AssertionError("seed " + seed + " (alone: -D" + SEED + "=" + seed + ")", t);
            }
        }
    }

    SimulatedRun simulated(long seed) {
        Path own = home.resolve("run" + seed);
        SimulatedRun run = new SimulatedRun(seed, Plan.of((int) Math.floorMod(seed, (long) Plan.PLANS)), own);
        run.live();
        delete(own);
        return run;
    }

    private List<String> undisturbed(Plan plan) {
        return undisturbed.computeIfAbsent(plan.number(), n -> {
            SimulatedRun alone = new SimulatedRun(n, plan, home.resolve("plan" + n));
            alone.liveUndisturbed();
            return alone.course();
        });
    }

    private static void delete(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs of another process. */
    record Elsewhere(Process process, Path output) implements AutoCloseable {
        /** Starts them; what this JVM was started with, that one is too. */
        static Elsewhere live(long first, long end, long step, Path home) throws IOException {
            List<String> command = new ArrayList<>();
            command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
            command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), SimulatedSeeds.class.getName()));
            command.addAll(List.of(Long.toString(first), Long.toString(end), Long.toString(step), home.toString()));
            Path output = Files.createDirectories(home).resolve("output");
            return new Elsewhere(
                    new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(output.toFile())
                            .start(),
                    output);
        }

        /** What they met, when they have ended. */
        Set<String> met() throws IOException, InterruptedException {
            int code = process.waitFor();
            List<String> lines = Files.readAllLines(output);
            assertThat(code).as(() -> String.join("\n", lines)).isZero();
            Set<String> met = new TreeSet<>();
            lines.stream().filter(line -> line.startsWith(MET)).forEach(line -> met.add(line.substring(MET.length())));
            return met;
        }

        @Override
        public void close() {
            process.destroyForcibly();
        }
    }

    /** First seed, end, step, and a directory of its own. */
    public static void main(String[] args) {
        Logger.getLogger("io.foothold").setLevel(Level.OFF);
        SimulatedSeeds seeds = new SimulatedSeeds(Path.of(args[3]));
        try {
            seeds.live(Long.parseLong(args[0]), Long.parseLong(args[1]), Long.parseLong(args[2]));
        } catch (Throwable t) {
            t.printStackTrace(System.out);
            System.exit(1);
        }
        seeds.met().forEach(what -> System.out.println(MET + what));
        // Threads of processes that died wait for ever.
        System.exit(0);
    }
}
