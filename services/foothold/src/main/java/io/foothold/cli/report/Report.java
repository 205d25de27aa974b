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
import io.foothold.orchestrator.run.RunManager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The report of a demo: numbers for programs, curves and samples for people. */
public record Report(String title, List<RunSummary> runs, String text) {
    public static final String DIAL_TITLE = "A policy learns problems it could not solve";
    public static final String HARD_TEXT = """
            The dial's hard problems are eight mirrors in a row. The base policy gets one mirror right in four, and all eight \
            must be right: about one rollout in 65,000 would be rewarded. GRPO therefore sees no reward and stands still. POPE \
            starts half of its groups from a prompt that holds the first steps of a solution; the rewards that come from there \
            teach the skill, and it carries over to the prompt without help, which is all that the curves measure. \
            What this task can show: that guidance makes learning possible where there was no signal, and that what is learned \
            transfers to unguided problems. What it cannot: all mirrors share one fixable habit, which the base policy was \
            deliberately taught, so transfer is quicker than it would be on real mathematics; and fine-tuning on oracle \
            solutions is strong here, because their style is the policy's own.""";
    public static final String CI_TEXT =
            "The small version: GRPO on medium problems has to double its held-out pass@1; POPE on "
                    + "hard problems runs for a few updates to take every path once.";

    /** A sample rollout. */
    public record Sample(String title, String prompt, String response, String verdict) {}

    /** One run. */
    public record RunSummary(
            String method,
            long seed,
            List<JsonNode> evaluations,
            long rollouts,
            long searchRollouts,
            double seconds,
            double logProbDifference,
            double effectiveSampleSize,
            LedgerAudit.Report audit,
            List<Sample> samples) {
        /** How likely oracle solutions were before and after; nothing where that was not asked. */
        public List<String> oracles() {
            List<JsonNode> scored = evaluations.stream()
                    .filter(e -> !Evaluations.oracleText(e).isEmpty())
                    .toList();
            return scored.isEmpty()
                    ? List.of()
                    : Stream.of(scored.getFirst(), scored.getLast())
                            .map(e -> method + ", update " + e.path("update").asLong() + ", "
                                    + e.path("set").asText() + ": " + Evaluations.oracleText(e))
                            .distinct()
                            .toList();
        }

        /** Of a run that has finished, with what its ledger says. */
        public static RunSummary of(
                RunManager runs,
                String id,
                String method,
                long seed,
                List<JsonNode> evaluations,
                double seconds,
                List<Sample> samples) {
            try {
                JsonNode search = new ObjectMapper()
                        .readTree(runs.ledger().preparation(id, "prefix_search").orElse("{}"));
                double difference = runs.ledger().manifests(id).stream()
                        .mapToDouble(m -> m.metric("log_prob_difference_max", 0))
                        .max()
                        .orElse(0);
                double effective = runs.ledger().manifests(id).stream()
                        .mapToDouble(m -> m.metric("importance_ess_sequence", 1))
                        .min()
                        .orElse(1);
                return new RunSummary(
                        method,
                        seed,
                        evaluations,
                        runs.ledger().countsByPurpose(id).getOrDefault("train", 0L),
                        search.path("rollouts").asLong(),
                        seconds,
                        difference,
                        effective,
                        runs.ledger().audit(id),
                        samples);
            } catch (JsonProcessingException e) {
                throw new IllegalStateException(e);
            }
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
        for (RunSummary run : runs) {
            ObjectNode node = array.addObject();
            node.put("method", run.method()).put("seed", run.seed());
            node.putArray("evaluations").addAll(run.evaluations());
            node.put("rollouts", run.rollouts()).put("search_rollouts", run.searchRollouts());
            node.put("seconds", run.seconds());
            node.put("log_prob_difference_max", run.logProbDifference());
            node.put("importance_ess_sequence_min", run.effectiveSampleSize());
            node.put("ledger_sound", run.audit().sound());
            ArrayNode samples = node.putArray("samples");
            run.samples().forEach(sample -> samples.addObject()
                    .put("title", sample.title())
                    .put("prompt", sample.prompt())
                    .put("response", sample.response())
                    .put("verdict", sample.verdict()));
        }
        try {
            return mapper.writeValueAsString(root) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The curves as text, side by side. */
    public String table() {
        StringBuilder out = new StringBuilder("\nunguided pass@1 on held-out problems\n");
        for (RunSummary run : runs) {
            out.append(String.format(
                    Locale.ROOT,
                    "  %-5s %6d rollouts + %5d search, %4.0f s:",
                    run.method(),
                    run.rollouts(),
                    run.searchRollouts(),
                    run.seconds()));
            for (JsonNode e : run.evaluations()) {
                out.append(String.format(
                        Locale.ROOT, "  %d: %.3f", e.path("update").asLong(), Evaluations.passAt1(e)));
            }
            JsonNode last = run.evaluations().get(run.evaluations().size() - 1);
            out.append(String.format(
                    Locale.ROOT,
                    "%n        end: %d of %d on %s, 95%% interval %.3f to %.3f; largest sampler-learner log-prob difference %.1e; ledger %s%n",
                    last.path("passes").asLong(),
                    last.path("samples").asLong(),
                    last.path("set").asText(),
                    last.path("low").asDouble(),
                    last.path("high").asDouble(),
                    run.logProbDifference(),
                    run.audit().sound() ? "sound" : "NOT SOUND"));
            run.oracles().forEach(line -> out.append("        ").append(line).append('\n'));
        }
        return out.toString();
    }

    Page page() {
        return new Page(
                "report",
                title,
                Map.of(
                        "text",
                        text,
                        "runs",
                        runs,
                        "chart",
                        Chart.shares(runs.stream().map(Report::curve).toList(), 0, "pass@1 by update"),
                        "table",
                        new Page.Table(
                                List.of(
                                        "method",
                                        "training rollouts",
                                        "search rollouts",
                                        "pass@1 before",
                                        "pass@1 after",
                                        "95 % interval",
                                        "seconds"),
                                runs.stream().map(Report::cells).toList())));
    }

    private static List<String> cells(RunSummary run) {
        JsonNode last = run.evaluations().getLast();
        return List.of(
                run.method(),
                Long.toString(run.rollouts()),
                Long.toString(run.searchRollouts()),
                Evaluations.passAt1Text(run.evaluations().getFirst()),
                Evaluations.passAt1Text(last),
                Evaluations.interval(last),
                String.format(Locale.ROOT, "%.0f", run.seconds()));
    }

    private static Chart.Curve curve(RunSummary run) {
        return new Chart.Curve(
                run.method().toUpperCase(Locale.ROOT),
                run.evaluations().stream()
                        .map(e -> Chart.Point.of(e, e.path("update").asDouble()))
                        .toList());
    }

    /** An unguided sample before and after training, and a guided one that was rewarded. */
    public static List<Sample> samples(Path home) {
        List<Path> evaluations = files(home, "evaluation-");
        List<Path> updates = files(home, "update-");
        List<Sample> out = new ArrayList<>();
        if (!evaluations.isEmpty()) {
            first(evaluations.get(0), "unguided, before training", "", out);
            first(evaluations.get(evaluations.size() - 1), "unguided, after training", "", out);
        }
        for (Path update : updates) {
            int before = out.size();
            first(update, "guided, rewarded in " + update.getFileName(), "\"start\":\"guided\"", out);
            if (out.size() > before) {
                break;
            }
        }
        return out;
    }

    /**
     * The first sample of held-out problems before and after training, in turn: those that failed and passed first, then others.
     *
     * @param set name of the evaluation set
     * @param problems how many problems
     */
    public static List<Sample> beforeAndAfter(Path home, String set, int problems) {
        List<Path> evaluations = files(home, "evaluation-").stream()
                .filter(file -> file.getFileName().toString().endsWith("-" + set + ".jsonl"))
                .toList();
        Map<String, JsonNode> before = byProblem(evaluations.getFirst());
        Map<String, JsonNode> after = byProblem(evaluations.getLast());
        List<Sample> out = new ArrayList<>();
        before.keySet().stream()
                .filter(after::containsKey)
                .sorted(Comparator.comparing((String id) -> passed(before.get(id)) || !passed(after.get(id)))
                        .thenComparing(id -> id))
                .limit(problems)
                .forEach(id -> {
                    out.add(sample(id + ", before training", before.get(id)));
                    out.add(sample(id + ", after training", after.get(id)));
                });
        return out;
    }

    private static boolean passed(@Nullable JsonNode line) {
        return line != null && line.path("verdict").asText().equals("PASS");
    }

    private static Map<String, JsonNode> byProblem(Path file) {
        Map<String, JsonNode> out = new LinkedHashMap<>();
        try (Stream<String> lines = Files.lines(file)) {
            ObjectMapper mapper = new ObjectMapper();
            for (String line : (Iterable<String>) lines::iterator) {
                JsonNode json = mapper.readTree(line);
                out.put(json.path("problem").asText(), json);
            }
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, file + " cannot be read: " + e.getMessage(), e);
        }
        return out;
    }

    private static Sample sample(String title, @Nullable JsonNode json) {
        return json == null
                ? new Sample(title, "", "", "")
                : new Sample(
                        title,
                        json.path("prompt").asText(),
                        json.path("response").asText(),
                        json.path("verdict").asText());
    }

    private static List<Path> files(Path home, String prefix) {
        try (Stream<Path> all = Files.list(home.resolve("completions"))) {
            return all.filter(p -> p.getFileName().toString().startsWith(prefix))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.STORAGE, "cannot list completions of " + home + ": " + e.getMessage(), e);
        }
    }

    private static void first(Path file, String title, String wanted, List<Sample> out) {
        try (Stream<String> lines = Files.lines(file)) {
            ObjectMapper mapper = new ObjectMapper();
            for (String line : (Iterable<String>) lines::iterator) {
                JsonNode json = mapper.readTree(line);
                if (wanted.isEmpty()
                        || (line.contains(wanted) && json.path("reward").asDouble() > 0)) {
                    out.add(sample(title, json));
                    return;
                }
            }
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, file + " cannot be read: " + e.getMessage(), e);
        }
    }
}
