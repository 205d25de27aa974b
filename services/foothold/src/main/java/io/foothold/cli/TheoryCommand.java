package io.foothold.cli;

import io.foothold.cli.machine.Workspace;
import io.foothold.cli.report.Html;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.random.Seeds;
import io.foothold.core.theory.ChainSignal;
import io.foothold.core.theory.PolicyIteration;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
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
    private static final int WIDTH = 560;
    private static final int HEIGHT = 320;

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
        Workspace.write(report.resolve("theory.html"), html(points, signal));
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

    private static String html(List<Point> points, String signal) {
        String body =
                "<p>Theorem 1 of arXiv 2605.25507 compares conservative policy iteration with resets to random states of "
                        + "the policy's own rollouts against resets to improvable states that an oracle points out. Below, both are run on "
                        + "a tabular decision problem in which the share <em>p</em> of improvable states is chosen. Dots are measured; "
                        + "lines are 1/p&sup2; and 1/p through the right-most dot.</p><h2>Samples of an iteration</h2><figure>"
                        + logLog(
                                points.stream()
                                        .map(p -> new double[] {p.share(), p.samples()})
                                        .toList(),
                                -2,
                                points.stream()
                                        .map(p -> new double[] {p.share(), p.oracleSamples()})
                                        .toList(),
                                0)
                        + "<figcaption>Continuations until the right deviation is found in 90&nbsp;% of the trials. Brown: random "
                        + "resets, with 1/p&sup2;; blue: oracle, constant.</figcaption></figure><h2>Improvement of an iteration</h2><figure>"
                        + logLog(
                                points.stream()
                                        .map(p -> new double[] {p.share(), p.gain()})
                                        .toList(),
                                2,
                                points.stream()
                                        .map(p -> new double[] {p.share(), p.oracleGain()})
                                        .toList(),
                                1)
                        + "<figcaption>Exact return gained by one conservative step. Brown: random resets, falls with p&sup2;; blue: "
                        + "oracle, falls with p.</figcaption></figure><p>Shown: the powers of p. Not shown: the theorem's constants, "
                        + "and what finding an improvable state costs: an oracle that rejects draws needs 1/p of them for each, which "
                        + "takes one of the two powers of the samples back.</p><h2>Signal per token of a chain</h2><pre>"
                        + Html.escape(signal)
                        + "</pre><p>Exact, for independent steps. Above 1, resets tell more for a sampled token "
                        + "than GRPO does. The advantage shrinks as the policy gets better, and needs hard steps that stand late.</p>";
        return Html.page("What theory says of resets", body);
    }

    /** Two series over p, both axes logarithmic, each with a line of a given slope through its dot at p = 1. */
    private static String logLog(List<double[]> brown, int brownSlope, List<double[]> blue, int blueSlope) {
        List<double[]> all = new ArrayList<>(brown);
        all.addAll(blue);
        double low =
                Math.floor(all.stream().mapToDouble(v -> Math.log10(v[1])).min().orElse(0));
        double high =
                Math.ceil(all.stream().mapToDouble(v -> Math.log10(v[1])).max().orElse(1));
        StringBuilder out = new StringBuilder(
                String.format(Locale.ROOT, "<svg viewBox=\"0 0 %d %d\" width=\"80%%\" role=\"img\">", WIDTH, HEIGHT));
        for (int e = (int) low; e <= high; e++) {
            out.append(String.format(
                    Locale.ROOT,
                    "<line x1=\"60\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#e5e2dc\"/><text x=\"52\" y=\"%.1f\" text-anchor=\"end\">1e%d</text>",
                    WIDTH - 10,
                    y(e, low, high),
                    y(e, low, high),
                    y(e, low, high) + 4,
                    e));
        }
        for (double p : new double[] {1, .1, .01}) {
            out.append(String.format(
                    Locale.ROOT,
                    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">p = %s</text>",
                    x(p),
                    HEIGHT - 8,
                    p));
        }
        series(out, brown, brownSlope, "#b4552d", low, high);
        series(out, blue, blueSlope, "#2d6cb4", low, high);
        return out.append("</svg>").toString();
    }

    private static void series(
            StringBuilder out, List<double[]> values, int slope, String colour, double low, double high) {
        double first = Math.log10(values.get(0)[1]);
        double least = values.get(values.size() - 1)[0];
        out.append(String.format(
                Locale.ROOT,
                "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"1.5\" opacity=\".6\"/>",
                x(1),
                y(first, low, high),
                x(least),
                y(first + slope * Math.log10(least), low, high),
                colour));
        for (double[] v : values) {
            out.append(String.format(
                    Locale.ROOT,
                    "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>",
                    x(v[0]),
                    y(Math.log10(v[1]), low, high),
                    colour));
        }
    }

    private static double x(double p) {
        return 80 + (WIDTH - 120) * -Math.log10(p) / 2;
    }

    private static double y(double exponent, double low, double high) {
        return 15 + (HEIGHT - 55) * (high - exponent) / (high - low);
    }
}
