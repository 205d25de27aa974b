package io.foothold.cli;

import io.foothold.cli.report.Chart;
import io.foothold.cli.report.Page;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.random.Seeds;
import io.foothold.core.theory.ChainSignal;
import io.foothold.core.theory.PolicyIteration;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Counts what theory says of resets. */
@Command(
        name = "theory",
        mixinStandardHelpOptions = true,
        description =
                "What theory says of resets, counted: policy iteration with random resets and with an oracle over the "
                        + "share of improvable states, and signal per token of a chain; writes theory.html.")
final class TheoryCommand implements Callable<Integer> {
    private static final double[] SHARES = {1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01};
    private static final double[] SUCCESSES = {0.25, 0.6, 0.8};
    private static final int TRIALS = 1_000;
    private static final PolicyIteration SETTING = new PolicyIteration(20, 4, 0.2, 1);

    @Option(names = "--report", description = "Directory of theory.html (default: ${DEFAULT-VALUE}).")
    private Path report = Path.of("foothold-report");

    @Option(names = "--seed", description = "Seed of the measured samples (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--steps", description = "Steps of the chain (default: ${DEFAULT-VALUE}).")
    private int steps = 16;

    @Option(names = "--hard", description = "Hard steps among them (default: ${DEFAULT-VALUE}).")
    private int hard = 3;

    @Option(names = "--zone", description = "How many of the last steps may be hard (default: ${DEFAULT-VALUE}).")
    private int zone = 6;

    @Option(names = "--suffixes", description = "Members of a suffix group (default: ${DEFAULT-VALUE}).")
    private int suffixes = 8;

    /** One share of improvable states: with random resets, with the oracle. */
    private record Point(double share, double samples, double oracleSamples, double gain, double oracleGain) {}

    @Override
    public Integer call() {
        ChainSignal chain;
        try {
            chain = new ChainSignal(steps, hard, zone, 0.995, 4, 4);
        } catch (IllegalArgumentException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
        }
        if (suffixes < 2) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "--suffixes must be at least 2, got " + suffixes);
        }
        List<Point> points = new ArrayList<>();
        for (double p : SHARES) {
            Seeds own = Seeds.of(seed).split(Double.toString(p));
            points.add(new Point(
                    p,
                    SETTING.samples(p, false, TRIALS, own.split("random")),
                    SETTING.samples(p, true, TRIALS, own.split("oracle")),
                    SETTING.improvement(p, false),
                    SETTING.improvement(p, true)));
        }
        String signal = signal(chain);
        System.out.print(iteration(points));
        System.out.print(signal);
        page(points, signal).write(report.resolve("theory.html"));
        System.out.println(
                "report: " + report.resolve("theory.html").toAbsolutePath().normalize());
        return 0;
    }

    private static String iteration(List<Point> points) {
        StringBuilder out = new StringBuilder("policy iteration: horizon 20, 4 actions, gain 0.2 of reward 1\n");
        out.append("     p   samples an iteration             improvement an iteration\n");
        out.append("         random     oracle     ratio      random       oracle       ratio      1/p^2      1/p\n");
        for (Point p : points) {
            out.append(String.format(
                    Locale.ROOT,
                    "  %.2f   %-10.0f %-10.0f %-10.1f %-12.3g %-12.3g %-10.1f %-10.0f %.0f%n",
                    p.share(),
                    p.samples(),
                    p.oracleSamples(),
                    p.samples() / p.oracleSamples(),
                    p.gain(),
                    p.oracleGain(),
                    p.oracleGain() / p.gain(),
                    1 / (p.share() * p.share()),
                    1 / p.share()));
        }
        return out.toString();
    }

    private String signal(ChainSignal chain) {
        StringBuilder out = new StringBuilder(String.format(
                Locale.ROOT,
                "signal per sampled token over GRPO with groups of 8: %d steps, %d hard among the last %d, 4 tokens a step%n",
                steps,
                hard,
                zone));
        out.append("  q      P at root   P of suffix   1x").append(suffixes).append("     4 base + 1x4\n");
        for (double q : SUCCESSES) {
            ChainSignal.Worth w = chain.worth(q, suffixes, 8);
            out.append(String.format(
                    Locale.ROOT,
                    "  %.2f   %.3f       %.3f         %.2f    %.2f%n",
                    q,
                    w.rootSuccess(),
                    w.suffixSuccess(),
                    w.suffixOnly(),
                    w.withBase()));
        }
        return out.toString();
    }

    private static Page page(List<Point> points, String signal) {
        return new Page(
                "theory",
                "What theory says of resets",
                Map.of(
                        "samples",
                                chart("samples of an iteration", points, Point::samples, -2, Point::oracleSamples, 0),
                        "gains", chart("improvement of an iteration", points, Point::gain, 2, Point::oracleGain, 1),
                        "signal", signal));
    }

    private static Chart chart(
            String label,
            List<Point> points,
            ToDoubleFunction<Point> random,
            int exponent,
            ToDoubleFunction<Point> oracle,
            int oracleExponent) {
        return Chart.powers(
                List.of(
                        new Chart.Power("random resets", exponent, points(points, random)),
                        new Chart.Power("oracle", oracleExponent, points(points, oracle))),
                label);
    }

    private static List<Chart.Point> points(List<Point> points, ToDoubleFunction<Point> what) {
        return points.stream()
                .map(p -> new Chart.Point(p.share(), what.applyAsDouble(p)))
                .toList();
    }
}
