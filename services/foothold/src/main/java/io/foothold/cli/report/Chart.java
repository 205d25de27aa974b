package io.foothold.cli.report;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Locale;

/** Curves of shares from 0 to 1, as an SVG that needs nothing else. */
final class Chart {
    private static final int WIDTH = 760;
    private static final int HEIGHT = 340;
    private static final int LEFT = 60;
    private static final int BOTTOM = 40;
    private static final String[] COLOURS = {
        "#b4552d", "#2d6cb4", "#3d8b57", "#8a4fa3", "#b08d1a", "#4a4a4a", "#c2577f", "#2f9ca0"
    };

    private Chart() {}

    /** A point with its interval. */
    record Point(double x, double y, double low, double high) {
        /** The pass@1 of an evaluation. */
        static Point of(JsonNode evaluation, double x) {
            return new Point(
                    x,
                    Evaluations.passAt1(evaluation),
                    evaluation.path("low").asDouble(),
                    evaluation.path("high").asDouble());
        }
    }

    /** A curve. */
    record Curve(String name, List<Point> points) {}

    /**
     * The picture.
     *
     * @param least the smallest x at the right end, so that an empty chart has an axis
     */
    static String svg(List<Curve> curves, double least, String label) {
        double most = Math.max(
                Math.max(1, least),
                curves.stream()
                        .flatMap(c -> c.points().stream())
                        .mapToDouble(Point::x)
                        .max()
                        .orElse(1));
        StringBuilder out = new StringBuilder(String.format(
                Locale.ROOT,
                "<svg viewBox=\"0 0 %d %d\" width=\"100%%\" role=\"img\" aria-label=\"%s\">",
                WIDTH,
                HEIGHT,
                Html.escape(label)));
        for (int i = 0; i <= 5; i++) {
            double y = y(i / 5.0);
            out.append(String.format(
                    Locale.ROOT,
                    "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#e5e2dc\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.1f</text>",
                    LEFT,
                    y,
                    WIDTH - 20,
                    y,
                    LEFT - 8,
                    y + 4,
                    i / 5.0));
        }
        for (int i = 0; i <= 4; i++) {
            double u = most * i / 4;
            out.append(String.format(
                    Locale.ROOT,
                    "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.0f</text>",
                    x(u, most),
                    HEIGHT - 16,
                    u));
        }
        for (int c = 0; c < curves.size(); c++) {
            String colour = COLOURS[c % COLOURS.length];
            StringBuilder points = new StringBuilder();
            for (Point p : curves.get(c).points()) {
                double px = x(p.x(), most);
                points.append(String.format(Locale.ROOT, "%.1f,%.1f ", px, y(p.y())));
                out.append(String.format(
                        Locale.ROOT,
                        "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"1.5\" opacity=\".35\"/>",
                        px,
                        y(p.low()),
                        px,
                        y(p.high()),
                        colour));
            }
            out.append(String.format(
                    Locale.ROOT,
                    "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2.5\"/>",
                    points,
                    colour));
            out.append(String.format(
                    Locale.ROOT,
                    "<rect x=\"%d\" y=\"%d\" width=\"14\" height=\"4\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">%s</text>",
                    LEFT + 12,
                    22 + 20 * c,
                    colour,
                    LEFT + 32,
                    28 + 20 * c,
                    Html.escape(curves.get(c).name())));
        }
        return out.append("</svg>").toString();
    }

    private static double x(double value, double most) {
        return LEFT + (WIDTH - LEFT - 20) * value / most;
    }

    private static double y(double share) {
        return 10 + (HEIGHT - BOTTOM - 10) * (1 - share);
    }
}
