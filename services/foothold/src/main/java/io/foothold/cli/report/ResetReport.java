package io.foothold.cli.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.LedgerAudit;
import io.foothold.core.reset.LocalizationStatistics.Outcome;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The report of the reset demo. */
public record ResetReport(List<Run> runs, long tokens) {
    static final double[] THRESHOLDS = {0.5, 0.75};

    /** A failed rollout, where it was reset, and its suffixes. */
    record Picture(String seed, List<String> thoughts, int thought, int firstError, List<String> suffixes) {}

    /**
     * What came of a run's resets. A prefix is clean when no wrong thought is kept.
     *
     * @param clean suffixes of clean prefixes
     * @param cleanRight those of them that passed
     * @param dirty suffixes of other prefixes
     * @param dirtyRight those of them that passed
     */
    record Suffixes(int clean, int cleanRight, int dirty, int dirtyRight) {
        String text() {
            return clean + dirty == 0 ? "" : "   " + share(cleanRight, clean) + " / " + share(dirtyRight, dirty);
        }

        private static String share(int right, int all) {
            return all == 0 ? "-" : String.format(Locale.ROOT, "%.3f of %,d", right / (double) all, all);
        }
    }

    /** One run. */
    public record Run(
            String method,
            long seed,
            List<JsonNode> evaluations,
            double seconds,
            LedgerAudit.Report audit,
            Optional<Picture> picture,
            Suffixes suffixes) {

        /** Sampled tokens until pass@1, as the mean of three evaluations, first crosses a threshold; linear in between. */
        OptionalDouble tokensTo(double threshold) {
            double before = 0;
            double at = 0;
            for (int i = 0; i < evaluations.size(); i++) {
                double sum = 0;
                int n = 0;
                for (int j = Math.max(0, i - 1); j <= Math.min(evaluations.size() - 1, i + 1); j++, n++) {
                    sum += Evaluations.passAt1(evaluations.get(j));
                }
                double here = evaluations.get(i).path("training_tokens").asDouble();
                double smooth = sum / n;
                if (smooth >= threshold) {
                    return OptionalDouble.of(
                            i == 0 ? here : at + (here - at) * (threshold - before) / (smooth - before));
                }
                before = smooth;
                at = here;
            }
            return OptionalDouble.empty();
        }

        public JsonNode last() {
            return evaluations.get(evaluations.size() - 1);
        }
    }

    public void write(Path directory) {
        Workspace.write(directory.resolve("report.json"), json());
        page().write(directory.resolve("report.html"));
    }

    private String json() {
        ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
        ObjectNode root = mapper.createObjectNode();
        ArrayNode array = root.putArray("runs");
        for (Run run : runs) {
            ObjectNode node = array.addObject();
            node.put("method", run.method()).put("seed", run.seed());
            node.putArray("evaluations").addAll(run.evaluations());
            ObjectNode to = node.putObject("tokens_to");
            for (double threshold : THRESHOLDS) {
                run.tokensTo(threshold).ifPresent(t -> to.put(Double.toString(threshold), t));
            }
            node.putObject("suffixes")
                    .put("clean", run.suffixes().clean())
                    .put("clean_right", run.suffixes().cleanRight())
                    .put("dirty", run.suffixes().dirty())
                    .put("dirty_right", run.suffixes().dirtyRight());
            node.put("seconds", run.seconds()).put("ledger_sound", run.audit().sound());
        }
        try {
            return mapper.writeValueAsString(root) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Tokens to the thresholds, as text. */
    public String table() {
        StringBuilder out = new StringBuilder("\nsampled tokens (thousands) until held-out pass@1 reaches\n");
        out.append(String.format(
                Locale.ROOT,
                "  %-17s %6s %6s   %-24s %-9s %s%n",
                "method",
                ".50",
                ".75",
                "pass@1 at the end",
                "ledger",
                "right suffixes of clean / dirty prefixes"));
        for (Run run : runs) {
            out.append(String.format(
                    Locale.ROOT,
                    "  %-17s %6s %6s   %.3f (%.3f to %.3f)   %-9s%s%n",
                    run.method(),
                    thousands(run.tokensTo(.5)),
                    thousands(run.tokensTo(.75)),
                    Evaluations.passAt1(run.last()),
                    run.last().path("low").asDouble(),
                    run.last().path("high").asDouble(),
                    run.audit().sound() ? "sound" : "NOT SOUND",
                    run.suffixes().text()));
        }
        return out.append(String.format(Locale.ROOT, "  (\"-\": not within %,d tokens)%n", tokens))
                .toString();
    }

    private static String thousands(OptionalDouble tokens) {
        return tokens.isPresent() ? String.format(Locale.ROOT, "%.1f", tokens.getAsDouble() / 1000) : "-";
    }

    /** A chart and what stands under it. */
    public record Figure(Chart chart, String caption) {}

    /**
     * A thought of the failed rollout.
     *
     * @param wrong whether it is the first that is wrong
     * @param cut the methods that put the reset before it, empty when none did
     */
    public record Thought(String text, boolean wrong, String cut) {}

    /** What a method sampled behind its reset. */
    public record Suffix(String method, List<String> suffixes) {}

    Page page() {
        List<Figure> figures = new ArrayList<>();
        figures.add(
                new Figure(
                        chart(false),
                        "Late errors: pass@1 on held-out problems by thousands of sampled tokens; bars are 95 % Wilson intervals."));
        if (runs.stream().anyMatch(ResetReport::spread)) {
            figures.add(new Figure(chart(true), "Spread errors."));
        }
        Optional<Picture> first =
                runs.stream().flatMap(r -> r.picture().stream()).findFirst();
        return new Page(
                "resets",
                "Resets: where did this rollout go wrong?",
                Map.of(
                        "figures",
                        figures,
                        "table",
                        new Page.Table(
                                List.of(
                                        "method",
                                        "k tokens to .50",
                                        "to .75",
                                        "pass@1 at the end",
                                        "95 % interval",
                                        "tokens: seeds / localization / trained",
                                        "right suffixes of clean / dirty prefixes",
                                        "seconds"),
                                runs.stream().map(ResetReport::cells).toList()),
                        "thoughts",
                        first.map(this::thoughts).orElse(List.of()),
                        "suffixes",
                        first.map(this::shown).orElse(List.of())));
    }

    private static List<String> cells(Run run) {
        JsonNode use = run.last().path("tokens_by_use");
        return List.of(
                run.method(),
                thousands(run.tokensTo(.5)),
                thousands(run.tokensTo(.75)),
                Evaluations.passAt1Text(run.last()),
                Evaluations.interval(run.last()),
                use.path("seed").asLong() + " / " + use.path("localization").asLong() + " / "
                        + use.path("train").asLong(),
                run.suffixes().text(),
                String.format(Locale.ROOT, "%.0f", run.seconds()));
    }

    private static boolean spread(Run run) {
        return run.method().endsWith("spread");
    }

    private Chart chart(boolean spread) {
        return Chart.shares(
                runs.stream()
                        .filter(r -> spread(r) == spread)
                        .map(r -> new Chart.Curve(
                                r.method(),
                                r.evaluations().stream()
                                        .map(e -> Chart.Point.of(
                                                e, e.path("training_tokens").asDouble() / 1000))
                                        .toList()))
                        .toList(),
                tokens / 1000.0,
                "pass@1 by thousands of sampled tokens");
    }

    /** One failed rollout of the base policy, and where each method cut it: all draw the same first rollout. */
    private List<Thought> thoughts(Picture first) {
        List<Thought> out = new ArrayList<>();
        for (String thought : first.thoughts()) {
            int step = out.size() + 1;
            String cut = drawn(first)
                    .filter(run -> run.picture().orElseThrow().thought() == step)
                    .map(Run::method)
                    .collect(Collectors.joining(", "));
            out.add(new Thought(thought.strip(), step == first.firstError(), cut));
        }
        return out;
    }

    private List<Suffix> shown(Picture first) {
        return drawn(first)
                .map(run -> new Suffix(run.method(), run.picture().orElseThrow().suffixes()))
                .toList();
    }

    private Stream<Run> drawn(Picture first) {
        return runs.stream()
                .filter(run ->
                        run.picture().filter(p -> p.seed().equals(first.seed())).isPresent());
    }

    /** What came of all resets of a run that know their first error. */
    public static Suffixes suffixes(Path home) {
        ObjectMapper mapper = new ObjectMapper();
        List<Outcome> known = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(home.resolve("completions"), "resets-*.jsonl")) {
            for (Path file : files) {
                for (String text : Files.readAllLines(file)) {
                    JsonNode line = mapper.readTree(text);
                    if (line.has("first_error")) {
                        known.add(new Outcome(
                                line.path("thought").asInt(),
                                OptionalInt.of(line.path("first_error").asInt()),
                                0,
                                line.path("suffixes").asInt(),
                                line.path("passes").asInt()));
                    }
                }
            }
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, home + " cannot be read: " + e.getMessage(), e);
        }
        List<Outcome> clean = known.stream().filter(Outcome::clean).toList();
        List<Outcome> dirty = known.stream().filter(o -> !o.clean()).toList();
        return new Suffixes(
                sum(clean, Outcome::suffixes),
                sum(clean, Outcome::passes),
                sum(dirty, Outcome::suffixes),
                sum(dirty, Outcome::passes));
    }

    private static int sum(List<Outcome> outcomes, ToIntFunction<Outcome> what) {
        return outcomes.stream().mapToInt(what).sum();
    }

    /** The first reset of a run's first update. */
    public static Optional<Picture> firstReset(Path home) {
        Path resets = home.resolve("completions").resolve("resets-000001.jsonl");
        if (!Files.exists(resets)) {
            return Optional.empty();
        }
        ObjectMapper mapper = new ObjectMapper();
        try {
            List<String> lines = Files.readAllLines(resets);
            if (lines.isEmpty()) {
                return Optional.empty();
            }
            JsonNode seed = mapper.readTree(lines.get(0));
            List<String> thoughts = new ArrayList<>();
            seed.path("thoughts").forEach(t -> thoughts.add(t.asText()));
            List<String> suffixes = new ArrayList<>();
            for (String line : Files.readAllLines(home.resolve("completions").resolve("update-000001.jsonl"))) {
                JsonNode member = mapper.readTree(line);
                if (member.path("seed").asText().equals(seed.path("rollout").asText())) {
                    int kept = String.join(
                                    "", thoughts.subList(0, seed.path("thought").asInt() - 1))
                            .length();
                    suffixes.add((member.path("reward").asDouble() > 0 ? "right  " : "wrong  ")
                            + member.path("response").asText().substring(kept).replace("\n", ""));
                }
            }
            return Optional.of(new Picture(
                    seed.path("response").asText(),
                    thoughts,
                    seed.path("thought").asInt(),
                    seed.path("first_error").asInt(),
                    suffixes));
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, resets + " cannot be read: " + e.getMessage(), e);
        }
    }
}
