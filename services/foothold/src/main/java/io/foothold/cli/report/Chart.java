package io.foothold.cli.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Curves in a frame, as the template {@code chart} draws them. What is named {@code x}, {@code y} and {@code at} here is in pixels, as text.
 *
 * @param label what is shown, for who cannot see it
 * @param up lines across the frame
 * @param across marks under it
 * @param legend how far to the right the names begin
 */
public record Chart(String label, List<Tick> up, List<Tick> across, List<Series> series, int legend) {
    private static final int WIDTH = 760;
    private static final int HEIGHT = 340;
    private static final int LEFT = 60;
    private static final int RIGHT = WIDTH - 20;
    private static final int TOP = 10;
    private static final int BOTTOM = HEIGHT - 40;
    private static final String[] COLOURS = {
        "#b4552d", "#2d6cb4", "#3d8b57", "#8a4fa3", "#b08d1a", "#4a4a4a", "#c2577f", "#2f9ca0"
    };

    /** A labelled place of an axis. */
    public record Tick(String at, String text) {}

    /** An interval. */
    public record Bar(String x, String low, String high) {}

    /** A point that was measured. */
    public record Dot(String x, String y) {}

    /**
     * One curve.
     *
     * @param line places that a line joins
     * @param nameAt how far down its name stands
     */
    public record Series(String name, String colour, List<Bar> bars, String line, List<Dot> dots, int nameAt) {}

    /** A point with its interval. */
    public record Point(double x, double y, double low, double high) {
        /** One without. */
        public Point(double x, double y) {
            this(x, y, y, y);
        }

        /** The pass@1 of an evaluation. */
        static Point of(JsonNode evaluation, double x) {
            return new Point(
                    x,
                    Evaluations.passAt1(evaluation),
                    evaluation.path("low").asDouble(),
                    evaluation.path("high").asDouble());
        }
    }

    /** Points with a name. */
    public record Curve(String name, List<Point> points) {}

    /** Points with a name that should lie on a power of x. */
    public record Power(String name, int exponent, List<Point> points) {}

    /**
     * Shares from 0 to 1.
     *
     * @param least the smallest x at the right end, so that an empty chart has an axis
     */
    public static Chart shares(List<Curve> curves, double least, String label) {
        double most = Math.max(
                Math.max(1, least),
                curves.stream()
                        .flatMap(c -> c.points().stream())
                        .mapToDouble(Point::x)
                        .max()
                        .orElse(1));
        DoubleUnaryOperator x = value -> LEFT + (RIGHT - LEFT) * value / most;
        DoubleUnaryOperator y = share -> BOTTOM - (BOTTOM - TOP) * share;
        List<Series> series = new ArrayList<>();
        for (Curve curve : curves) {
            series.add(new Series(
                    curve.name(),
                    colour(series.size()),
                    curve.points().stream()
                            .map(p -> new Bar(pixel(x, p.x()), pixel(y, p.low()), pixel(y, p.high())))
                            .toList(),
                    line(x, y, curve.points()),
                    List.of(),
                    legend(series.size())));
        }
        return new Chart(
                label,
                ticks(
                        y,
                        v -> String.format(Locale.ROOT, "%.1f", v),
                        IntStream.rangeClosed(0, 5).mapToDouble(i -> i / 5.0)),
                ticks(
                        x,
                        v -> String.format(Locale.ROOT, most > 2 ? "%.0f" : "%.2f", v),
                        IntStream.rangeClosed(0, 4).mapToDouble(i -> most * i / 4)),
                series,
                LEFT + 12);
    }

    /**
     * Powers of x in (0, 1], both axes logarithmic, x falling to the right; each with a line of its exponent through its first point, which
     * is at x = 1.
     */
    public static Chart powers(List<Power> powers, String label) {
        double[] logarithms = powers.stream()
                .flatMap(p -> p.points().stream())
                .mapToDouble(p -> Math.log10(p.y()))
                .toArray();
        double low = Math.floor(DoubleStream.of(logarithms).min().orElse(0));
        double high = Math.ceil(DoubleStream.of(logarithms).max().orElse(1));
        double decades = Math.ceil(powers.stream()
                .flatMap(p -> p.points().stream())
                .mapToDouble(p -> -Math.log10(p.x()))
                .max()
                .orElse(1));
        DoubleUnaryOperator x = value -> LEFT + 20 + (RIGHT - LEFT - 40) * -Math.log10(value) / decades;
        DoubleUnaryOperator y = value -> BOTTOM - (BOTTOM - TOP) * (Math.log10(value) - low) / (high - low);
        List<Series> series = new ArrayList<>();
        for (Power power : powers) {
            Point first = power.points().getFirst();
            double last = power.points().getLast().x();
            series.add(new Series(
                    power.name(),
                    colour(series.size()),
                    List.of(),
                    line(x, y, List.of(first, new Point(last, first.y() * Math.pow(last, power.exponent())))),
                    power.points().stream()
                            .map(p -> new Dot(pixel(x, p.x()), pixel(y, p.y())))
                            .toList(),
                    legend(series.size())));
        }
        return new Chart(
                label,
                ticks(
                        y,
                        v -> "1e" + Math.round(Math.log10(v)),
                        IntStream.rangeClosed((int) low, (int) high).mapToDouble(e -> Math.pow(10, e))),
                ticks(
                        x,
                        v -> "p = " + v,
                        IntStream.rangeClosed(0, (int) decades).mapToDouble(e -> 1 / Math.pow(10, e))),
                series,
                // Where the first curve is not.
                powers.getFirst().exponent() > 0 ? RIGHT - 150 : LEFT + 12);
    }

    private static List<Tick> ticks(DoubleUnaryOperator place, DoubleFunction<String> text, DoubleStream values) {
        return values.mapToObj(v -> new Tick(pixel(place, v), text.apply(v))).toList();
    }

    private static String line(DoubleUnaryOperator x, DoubleUnaryOperator y, List<Point> points) {
        return points.stream().map(p -> pixel(x, p.x()) + "," + pixel(y, p.y())).collect(Collectors.joining(" "));
    }

    private static String pixel(DoubleUnaryOperator place, double value) {
        return String.format(Locale.ROOT, "%.1f", place.applyAsDouble(value));
    }

    private static String colour(int series) {
        return COLOURS[series % COLOURS.length];
    }

    private static int legend(int series) {
        return 22 + 20 * series;
    }

    public int width() {
        return WIDTH;
    }

    public int height() {
        return HEIGHT;
    }

    public int left() {
        return LEFT;
    }

    public int right() {
        return RIGHT;
    }
}
