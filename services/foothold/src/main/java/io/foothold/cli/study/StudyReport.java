package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.report.Chart;
import io.foothold.cli.report.Evaluations;
import io.foothold.cli.report.Page;
import io.foothold.core.stats.Interval;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/**
 * One page of a study: every seed, curves, and the paper's signs.
 *
 * @param outcomes what is finished, in the order of arms and seeds
 * @param beside numbers of base policies, by the name of the arm
 * @param missing ids of runs that are not finished
 */
record StudyReport(
        Study study, List<Arm> arms, List<Outcome> outcomes, Map<String, Study.Base> beside, List<String> missing) {

    void write(Path directory) {
        page().write(directory.resolve("report.html"));
        Workspace.write(directory.resolve("report.json"), json());
    }

    private Yardstick yard() {
        return study.yardstick();
    }

    private List<Outcome> of(Arm arm) {
        return outcomes.stream().filter(o -> o.arm().equals(arm.name())).toList();
    }

    private List<Claim.Finding> findings() {
        return study.claims().stream()
                .map(c -> c.find(yard(), outcomes, beside))
                .toList();
    }

    /** For a terminal. */
    String table() {
        StringBuilder out = new StringBuilder("\n" + study.title() + "\n");
        out.append("pass@1 on ")
                .append(yard().set())
                .append(" at the end with 95 % intervals, a seed each; thousands of ")
                .append(yard().cost().words())
                .append(String.format(Locale.ROOT, ", in all and until pass@1 %.2f%n", yard().threshold()));
        for (Arm arm : arms) {
            List<Outcome> of = of(arm);
            if (of.isEmpty()) {
                out.append(String.format(Locale.ROOT, "  %-24s not run%n", arm.name()));
                continue;
            }
            out.append(String.format(Locale.ROOT, "  %-24s %s%n", arm.name(), seeds(of)));
            out.append(String.format(
                    Locale.ROOT, "  %-24s mean %s; %s%s%n", "", mean(of), spent(of), besides(arm, of, "; ")));
        }
        out.append("\nwhat the paper says, and how it came out\n");
        for (Claim.Finding f : findings()) {
            out.append(String.format(
                    Locale.ROOT,
                    "  %-22s %s%n  %-22s   here: %s%s%n",
                    f.verdict().words(),
                    f.claim().paper(),
                    "",
                    f.claim().condition(),
                    f.numbers().isEmpty() ? "" : "; " + f.numbers()));
        }
        if (!missing.isEmpty()) {
            out.append("not finished, the same command goes on with them: ")
                    .append(String.join(", ", missing))
                    .append('\n');
        }
        return out.toString();
    }

    private String seeds(List<Outcome> of) {
        return of.stream().map(this::seed).collect(Collectors.joining("   "));
    }

    private String seed(Outcome o) {
        JsonNode end = o.end(yard().set());
        return String.format(
                Locale.ROOT,
                "%d: %.3f (%.2f to %.2f)%s",
                o.seed(),
                Evaluations.passAt1(end),
                end.path("low").asDouble(),
                end.path("high").asDouble(),
                o.sound() ? "" : " LEDGER NOT SOUND");
    }

    private String mean(List<Outcome> of) {
        double[] ends = of.stream()
                .mapToDouble(o -> Evaluations.passAt1(o.end(yard().set())))
                .toArray();
        double mean = java.util.Arrays.stream(ends).average().orElseThrow();
        if (ends.length < 2) {
            return String.format(Locale.ROOT, "%.3f", mean);
        }
        Interval interval = Interval.ofMean(ends);
        return String.format(
                Locale.ROOT, "%.3f (%.2f to %.2f)", mean, Math.max(0, interval.low()), Math.min(1, interval.high()));
    }

    private String spent(List<Outcome> of) {
        double all = of.stream().mapToDouble(o -> yard().spent(o)).average().orElseThrow();
        String search = of.stream().anyMatch(o -> o.preparing() > 0) && yard().cost() == Cost.ROLLOUTS
                ? String.format(
                        Locale.ROOT,
                        " (search %.1f)",
                        of.stream().mapToLong(Outcome::preparing).average().orElseThrow() / 1000)
                : "";
        return String.format(Locale.ROOT, "%.1fk%s, took off at ", all / 1000, search)
                + of.stream().map(o -> thousands(yard().takeOff(o))).collect(Collectors.joining(" / "));
    }

    private static String thousands(OptionalDouble cost) {
        return cost.isPresent() ? String.format(Locale.ROOT, "%.1fk", cost.getAsDouble() / 1000) : "-";
    }

    /** The other sets, first to last, and what is known of the base. */
    private String besides(Arm arm, List<Outcome> of, String before) {
        List<String> out = new ArrayList<>();
        solved(of, out);
        for (String set : of.getFirst().sets()) {
            if (!set.equals(yard().set())) {
                out.add(set + " "
                        + of.stream()
                                .map(o -> String.format(
                                        Locale.ROOT,
                                        "%.2f to %.2f",
                                        Evaluations.passAt1(o.of(set).getFirst()),
                                        Evaluations.passAt1(o.end(set))))
                                .collect(Collectors.joining(" / ")));
            }
        }
        for (String number : of.getFirst().measured().keySet()) {
            out.add(number + " "
                    + of.stream()
                            .map(o -> String.format(
                                    Locale.ROOT, "%.2f", o.measured().getOrDefault(number, Double.NaN)))
                            .collect(Collectors.joining(" / ")));
        }
        Study.Base base = beside.get(arm.name());
        if (base != null) {
            out.add(base.text());
        }
        return out.isEmpty() ? "" : before + String.join("; ", out);
    }

    /** What problems of the set are always, sometimes and never solved at the end, and how many a policy of 16 samples solves. */
    private void solved(List<Outcome> of, List<String> out) {
        List<JsonNode> ends = of.stream()
                .map(o -> o.end(yard().set()))
                .filter(e -> e.has("problems_never_solved"))
                .toList();
        if (!ends.isEmpty()) {
            out.add("problems always / sometimes / never solved at the end "
                    + ends.stream()
                            .map(e -> e.path("problems_always_solved").asInt() + "/"
                                    + e.path("problems_sometimes_solved").asInt() + "/"
                                    + e.path("problems_never_solved").asInt())
                            .collect(Collectors.joining("   ")));
        }
        List<JsonNode> solvable =
                ends.stream().filter(e -> e.path("pass@16").isNumber()).toList();
        if (!solvable.isEmpty()) {
            out.add("solvable, pass@16, "
                    + solvable.stream()
                            .map(e -> String.format(
                                    Locale.ROOT,
                                    "%.2f (%.2f to %.2f)",
                                    e.path("pass@16").asDouble(),
                                    e.path("pass@16_low").asDouble(),
                                    e.path("pass@16_high").asDouble()))
                            .collect(Collectors.joining("   ")));
        }
    }

    private String json() {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode();
        root.put("study", study.name());
        ArrayNode runs = root.putArray("runs");
        for (Outcome o : outcomes) {
            ObjectNode run = runs.addObject();
            run.put("arm", o.arm()).put("seed", o.seed());
            run.put("pass@1", Evaluations.passAt1(o.end(yard().set())));
            run.put("cost", yard().spent(o));
            yard().takeOff(o).ifPresent(c -> run.put("cost_to_threshold", c));
            run.put("preparing", o.preparing()).put("seconds", o.seconds()).put("ledger_sound", o.sound());
            ObjectNode numbers = run.putObject("measured");
            o.measured().forEach(numbers::put);
            run.putArray("evaluations").addAll(o.evaluations());
        }
        ArrayNode signs = root.putArray("signs");
        findings().forEach(f -> signs.addObject()
                .put("paper", f.claim().paper())
                .put("condition", f.claim().condition())
                .put("verdict", f.verdict().words())
                .put("numbers", f.numbers()));
        ArrayNode left = root.putArray("missing");
        missing.forEach(left::add);
        return root.toPrettyString() + "\n";
    }

    /** A chart and what stands under it. */
    public record Figure(Chart chart, String caption) {}

    Page page() {
        return new Page(
                "study",
                study.title(),
                Map.of(
                        "text",
                        study.text(),
                        "figures",
                        figures(),
                        "arms",
                        new Page.Table(
                                List.of(
                                        "arm",
                                        "how it differs",
                                        "every seed at the end (95 % intervals)",
                                        "mean",
                                        String.format(
                                                Locale.ROOT, "cost, and where pass@1 reached %.2f", yard().threshold()),
                                        "beside it"),
                                arms.stream().map(this::cells).toList()),
                        "signs",
                        new Page.Table(
                                List.of("paper", "here", "came out", "numbers"),
                                findings().stream()
                                        .map(f -> List.of(
                                                f.claim().paper(),
                                                f.claim().condition(),
                                                f.verdict().words(),
                                                f.numbers()))
                                        .toList()),
                        "missing",
                        String.join(", ", missing)));
    }

    private List<String> cells(Arm arm) {
        List<Outcome> of = of(arm);
        return of.isEmpty()
                ? List.of(arm.name(), arm.about(), "not run", "", "", "")
                : List.of(arm.name(), arm.about(), seeds(of), mean(of), spent(of), besides(arm, of, ""));
    }

    private List<Figure> figures() {
        Map<String, List<Arm>> panels = new LinkedHashMap<>();
        arms.forEach(a -> panels.computeIfAbsent(a.panel(), p -> beginning(a)).add(a));
        List<Figure> out = new ArrayList<>();
        panels.forEach((panel, shown) -> out.add(new Figure(
                Chart.shares(
                        shown.stream()
                                .filter(a -> !of(a).isEmpty())
                                .map(this::curve)
                                .toList(),
                        0,
                        panel),
                panel + ": pass@1 on " + yard().set() + " by thousands of "
                        + yard().cost().words() + "; means over seeds, bars from the lowest seed to the highest.")));
        List<Chart.Curve> plane =
                arms.stream().map(this::plane).flatMap(Optional::stream).toList();
        if (!plane.isEmpty()) {
            out.add(
                    new Figure(
                            Chart.shares(plane, 0, "plane"),
                            "Interference: pass@1 on " + yard().set()
                                    + " by pass@1 on the easy problems that are mixed in, from the first evaluation to the last; means over seeds."));
        }
        return out;
    }

    /** The arms of a figure before its own: the baseline, where it is of another figure and begins with the same base. */
    private List<Arm> beginning(Arm first) {
        List<Arm> out = new ArrayList<>();
        arms.stream()
                .filter(b -> b.name().equals(yard().baseline()))
                .filter(b -> !b.panel().equals(first.panel()) && b.base().equals(first.base()))
                .forEach(out::add);
        return out;
    }

    /** The mean over the seeds at each evaluation that all of them have. */
    private Chart.Curve curve(Arm arm) {
        List<Outcome> of = of(arm);
        int n = of.stream().mapToInt(o -> o.of(yard().set()).size()).min().orElseThrow();
        List<Chart.Point> points = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            int at = i;
            double[] values = of.stream()
                    .mapToDouble(o -> Evaluations.passAt1(o.of(yard().set()).get(at)))
                    .toArray();
            double x = of.stream()
                    .mapToDouble(o -> yard().cost().at(o, o.of(yard().set()).get(at)))
                    .average()
                    .orElseThrow();
            points.add(new Chart.Point(
                    x / 1000,
                    java.util.Arrays.stream(values).average().orElseThrow(),
                    java.util.Arrays.stream(values).min().orElseThrow(),
                    java.util.Arrays.stream(values).max().orElseThrow()));
        }
        return new Chart.Curve(arm.name(), points);
    }

    /** The way of an arm in the plane of its two sets; empty where it has one only, or was not run. */
    private Optional<Chart.Curve> plane(Arm arm) {
        List<Outcome> of = of(arm);
        List<String> others = of.isEmpty()
                ? List.of()
                : of.getFirst().sets().stream()
                        .filter(set -> !set.equals(yard().set()))
                        .toList();
        if (others.isEmpty()) {
            return Optional.empty();
        }
        List<Chart.Point> points = new ArrayList<>();
        int n = of.stream()
                .mapToInt(o -> Math.min(
                        o.of(yard().set()).size(), o.of(others.getFirst()).size()))
                .min()
                .orElseThrow();
        for (int i = 0; i < n; i++) {
            int at = i;
            points.add(new Chart.Point(mean(of, others.getFirst(), at), mean(of, yard().set(), at)));
        }
        return Optional.of(new Chart.Curve(arm.name(), points));
    }

    private static double mean(List<Outcome> of, String set, int at) {
        return of.stream()
                .mapToDouble(o -> Evaluations.passAt1(o.of(set).get(at)))
                .average()
                .orElseThrow();
    }
}
