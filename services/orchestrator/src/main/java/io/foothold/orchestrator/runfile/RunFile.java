package io.foothold.orchestrator.runfile;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.core.reset.ResetSplit;
import java.io.IOException;
import java.io.InputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;

/**
 * A run file, resolved: defaults of the schema, then the preset, then the file, then settings from the command line. Every key
 * has a value; unknown keys and wrong values are refused with file and line.
 */
public final class RunFile {
    private static final List<String> PRESETS = List.of(
            "grpo",
            "dr-grpo",
            "rloo",
            "pope",
            "pope-authors-fork",
            "pope-dial",
            "grpo-dial",
            "rrpo",
            "srpo",
            "srpo-authors",
            "spo-tree",
            "score",
            "critique-grpo",
            "grpo-thoughts",
            "grpo-jumps",
            "srpo-jumps");

    private final Map<String, String> values;
    private final Set<String> evaluationSets;

    private RunFile(Map<String, String> values, Set<String> evaluationSets) {
        this.values = values;
        this.evaluationSets = evaluationSets;
    }

    /** Names of the presets. */
    public static List<String> presets() {
        return PRESETS;
    }

    /**
     * Resolves the text of a run file.
     *
     * @param where name of the file in messages
     * @param overrides {@code key=value} settings that win over the file
     */
    public static RunFile resolve(String where, String text, List<String> overrides) {
        Map<String, String> own = parse(where, text);
        for (String override : overrides) {
            int at = override.indexOf('=');
            if (at < 1) {
                throw invalid("--set " + override + ": expected key=value");
            }
            put(own, "--set " + override, override.substring(0, at), override.substring(at + 1));
        }
        String method = own.get("method");
        if (method == null) {
            throw invalid(where + ": 'method' is missing (expected one of " + String.join(", ", PRESETS) + ")");
        }
        if (!PRESETS.contains(method)) {
            throw invalid(where + ": unknown method '" + method + "'" + Nearest.hint(method, PRESETS));
        }
        Map<String, String> merged = new LinkedHashMap<>(parse("preset " + method, preset(method)));
        merged.putAll(own);
        Set<String> sets = new LinkedHashSet<>();
        merged.keySet().stream()
                .filter(k -> k.startsWith("problems.evaluate."))
                .forEach(k -> sets.add(k.split("\\.", 4)[2]));
        RunFile file = new RunFile(filled(merged, sets, where), sets);
        file.check(where);
        return file;
    }

    /** Every key of the schema, with its default where nothing is given. */
    private static Map<String, String> filled(Map<String, String> given, Set<String> sets, String where) {
        Map<String, String> values = new TreeMap<>();
        Schema.keys().forEach((path, key) -> {
            if (path.contains("*")) {
                sets.forEach(s -> fill(values, given, path.replace("*", s), key, where));
            } else {
                fill(values, given, path, key, where);
            }
        });
        return values;
    }

    private static void fill(
            Map<String, String> values, Map<String, String> merged, String path, Schema.Key key, String where) {
        String value = merged.getOrDefault(path, key.fallback());
        if (value == null) {
            throw invalid(where + ": '" + path + "' is missing: " + key.help());
        }
        values.put(path, value);
    }

    /**
     * A resolved file from what {@link #print} wrote, perhaps in an earlier version: keys that are newer than it have their defaults,
     * which change nothing.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} when it has a key that this version does not know
     */
    public static RunFile restore(String printed) {
        Map<String, String> values = new LinkedHashMap<>();
        Set<String> sets = new LinkedHashSet<>();
        printed.lines().forEach(line -> {
            int at = line.indexOf(": ");
            String key = line.substring(0, at);
            values.put(key, line.substring(at + 2).replace("\\n", "\n"));
            if (key.startsWith("problems.evaluate.")) {
                sets.add(key.split("\\.", 4)[2]);
            }
        });
        Map<String, String> all = filled(values, sets, "the stored run file");
        values.keySet().stream()
                .filter(key -> !all.containsKey(key))
                .findFirst()
                .ifPresent(key -> {
                    throw invalid("the stored run file has a key that this version does not know: '" + key + "'");
                });
        return new RunFile(all, sets);
    }

    private void check(String where) {
        for (String at : sources()) {
            boolean generated = !text(at + ".family").isEmpty();
            boolean jsonl = !text(at + ".jsonl").isEmpty();
            if (generated == jsonl) {
                throw invalid(where + ": '" + at + "' needs either 'family' or 'jsonl'");
            }
        }
        if (evaluationSets.isEmpty()) {
            throw invalid(where + ": 'problems.evaluate' is missing: a run without evaluation shows nothing");
        }
        boolean severalSteps = integer("optimizer.epochs") > 1 || integer("optimizer.groups_per_step") > 0;
        if (text("loss.ratio").equals("none")
                && (integer("staleness") > 0 || severalSteps)
                && !flag("loss.allow_off_policy")) {
            throw invalid(
                    where + ": a loss without a ratio is right for on-policy data and one step an update only; set "
                            + "loss.ratio, or loss.allow_off_policy: true to go on all the same");
        }
        if (number("mixture.guided") > 0 && text("prompts.guided").isEmpty()) {
            throw invalid(where + ": a mixture with guided start states needs 'prompts.guided'");
        }
        if (number("mixture.guided") + number("mixture.root") <= 0) {
            throw invalid(where + ": the mixture is empty");
        }
        double share = number("resets.share");
        if (share < 0 || share > 1) {
            throw invalid(where + ": 'resets.share' must be from 0 to 1, got " + text("resets.share"));
        }
        if (share > 0) {
            checkResets(where);
        }
        checkTree(where, share);
        if (flag("loss.train_given") && !text("loss.ratio").equals("none")) {
            throw invalid(
                    where + ": 'loss.train_given' needs loss.ratio: none (given tokens have no behaviour log-prob)");
        }
        if (!flag("prompts.chat") && !(text("prompts.system") + text("prompts.chat_options")).isEmpty()) {
            throw invalid(where + ": 'prompts.system' and 'prompts.chat_options' need prompts.chat: true");
        }
        for (String option : names("prompts.chat_options")) {
            if (!option.matches("\\w+\\s*=.*")) {
                throw invalid(where + ": 'prompts.chat_options' needs NAME=VALUE with commas between them, got '"
                        + option + "'");
            }
        }
        if (!text("revision.prompt").isEmpty()) {
            if (share > 0 || !text("tree.branches").isEmpty()) {
                throw invalid(
                        where + ": a place of an update is a revision, a tree or a reset: set one of revision.prompt, "
                                + "tree.branches and resets.share");
            }
            if (!text("revision.prompt").contains("{response}")) {
                throw invalid(where + ": 'revision.prompt' must hold {response}: the answer that is to be revised");
            }
            if (text("revision.use").equals("best") && !(number("loss.shaping") > 0)) {
                throw invalid(where + ": 'loss.shaping' must be above 0 with revision.use: best, got "
                        + text("loss.shaping"));
            }
        } else if (text("revision.use").equals("best")) {
            throw invalid(where + ": 'revision.use: best' needs 'revision.prompt'");
        }
        for (String limit : List.of("sampling.max_thought_tokens", "sampling.max_thoughts")) {
            if (integer(limit) < 0) {
                throw invalid(where + ": '" + limit + "' must not be negative, got " + text(limit));
            }
            if (integer(limit) > 0 && text("prompts.thought_delimiter").isEmpty()) {
                throw invalid(where + ": '" + limit + "' needs 'prompts.thought_delimiter'");
            }
        }
        if (integer("sampling.refills") < 0) {
            throw invalid(where + ": 'sampling.refills' must not be negative, got " + text("sampling.refills"));
        }
        for (String positive : List.of(
                "updates",
                "sampling.rollouts_per_group",
                "sampling.groups_per_update",
                "evaluation.every",
                "evaluation.samples",
                "checkpoint.every",
                "checkpoint.keep")) {
            if (integer(positive) < 1) {
                throw invalid(where + ": '" + positive + "' must be at least 1, got " + text(positive));
            }
        }
    }

    private void checkResets(String where) {
        if (text("prompts.thought_delimiter").isEmpty()) {
            throw invalid(where + ": resets need 'prompts.thought_delimiter': without it a rollout has no thoughts");
        }
        if (number("resets.min_clean_share") > 0 && !flag("resets.compare_with_oracle")) {
            throw invalid(where + ": 'resets.min_clean_share' needs resets.compare_with_oracle: true");
        }
        for (String positive : List.of("resets.early_thought", "localizer.max_tokens", "localizer.claim_tokens")) {
            if (integer(positive) < 1) {
                throw invalid(where + ": '" + positive + "' must be at least 1, got " + text(positive));
            }
        }
        if (!(number("resets.noise") >= 0 && number("resets.noise") <= 1)) {
            throw invalid(where + ": 'resets.noise' must be from 0 to 1, got " + text("resets.noise"));
        }
        if (integer("resets.offset") < 0) {
            throw invalid(where + ": 'resets.offset' must not be negative, got " + text("resets.offset"));
        }
        try {
            var unused = split();
        } catch (IllegalArgumentException e) {
            throw invalid(where + ": 'resets': " + e.getMessage());
        }
    }

    /** What a problem's rollouts are spent on under resets. */
    public ResetSplit split() {
        return new ResetSplit(
                count("resets.base_rollouts"),
                count("resets.seeds"),
                count("resets.suffixes"),
                count("resets.draws"),
                ResetSplit.SeedRule.named(text("resets.seed_rule")),
                ResetSplit.WithoutSeeds.named(text("resets.without_seeds")));
    }

    private void checkTree(String where, double resets) {
        String branches = text("tree.branches");
        if (branches.isEmpty()) {
            return;
        }
        if (!branches.matches("[1-9]\\d{0,3}(x[1-9]\\d{0,3})+")) {
            throw invalid(where
                    + ": 'tree.branches' must name the children of a node at two levels or more, such as 2x4, got '"
                    + branches + "'");
        }
        if (resets > 0) {
            throw invalid(
                    where + ": a place of an update is a tree or a reset: set tree.branches or resets.share, not both");
        }
        if (integer("tree.segment_tokens") < 1) {
            throw invalid(where + ": 'tree.segment_tokens' must be at least 1, got " + text("tree.segment_tokens"));
        }
    }

    /** Children of a node at each level of the tree; empty without one. */
    public List<Integer> branches() {
        String branches = text("tree.branches");
        return branches.isEmpty()
                ? List.of()
                : java.util.Arrays.stream(branches.split("x"))
                        .map(Integer::valueOf)
                        .toList();
    }

    private Set<String> sources() {
        Set<String> out = new LinkedHashSet<>();
        out.add("problems.train");
        evaluationSets.forEach(s -> out.add("problems.evaluate." + s));
        return out;
    }

    private static String preset(String name) {
        try (InputStream in = RunFile.class.getResourceAsStream("/presets/" + name + ".yaml")) {
            if (in == null) {
                throw invalid("preset '" + name + "' is missing from the jar");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, String> parse(String where, String text) {
        Map<String, String> out = new LinkedHashMap<>();
        try {
            Node root = new Yaml(new SafeConstructor(new LoaderOptions())).compose(new StringReader(text));
            if (root != null) {
                walk(out, where, "", root);
            }
        } catch (MarkedYAMLException e) {
            throw invalid(where + ":" + (e.getProblemMark().getLine() + 1) + ": " + e.getProblem());
        }
        return out;
    }

    private static void walk(Map<String, String> out, String where, String path, Node node) {
        String at = where + ":" + (node.getStartMark().getLine() + 1);
        switch (node) {
            case MappingNode map -> {
                for (NodeTuple tuple : map.getValue()) {
                    String key = ((ScalarNode) tuple.getKeyNode()).getValue();
                    walk(out, where, path.isEmpty() ? key : path + "." + key, tuple.getValueNode());
                }
            }
            case ScalarNode scalar -> put(out, at, path, scalar.getValue());
            default -> throw invalid(at + ": '" + path + "' must be a value or a mapping, not a list");
        }
    }

    private static void put(Map<String, String> out, String at, String path, String value) {
        Schema.Key key = keyOf(path);
        if (key == null) {
            throw invalid(at + ": unknown key '" + path + "'"
                    + Nearest.hint(path, Schema.keys().keySet().stream().toList()));
        }
        boolean fits =
                switch (key.type()) {
                    case TEXT -> true;
                    case INTEGER -> value.matches("[+-]?\\d{1,18}");
                    case NUMBER -> value.matches("[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d+)?");
                    case FLAG -> value.equals("true") || value.equals("false");
                };
        if (!fits) {
            throw invalid(at + ": '" + path + "' must be a " + key.type().name().toLowerCase(java.util.Locale.ROOT)
                    + ", got '" + value + "'");
        }
        if (!key.allowed().isEmpty() && !key.allowed().contains(value)) {
            throw invalid(at + ": '" + path + "' cannot be '" + value + "'" + Nearest.hint(value, key.allowed()));
        }
        out.put(path, value);
    }

    private static Schema.@Nullable Key keyOf(String path) {
        Schema.Key exact = Schema.keys().get(path);
        if (exact != null) {
            return path.contains("*") ? null : exact;
        }
        String[] parts = path.split("\\.", -1);
        if (parts.length == 4 && parts[0].equals("problems") && parts[1].equals("evaluate")) {
            return Schema.keys().get("problems.evaluate.*." + parts[3]);
        }
        return null;
    }

    /** Names of the evaluation sets. */
    public Set<String> evaluationSets() {
        return evaluationSets;
    }

    /** A text. */
    public String text(String key) {
        String value = values.get(key);
        if (value == null) {
            throw new IllegalArgumentException("no key " + key + " in the schema");
        }
        return value;
    }

    /**
     * Adapters to train.
     *
     * @param rank of the adapters
     * @param alpha their scale, times the rank
     * @param targets projections that get one
     */
    public record Adapters(int rank, double alpha, List<String> targets) {}

    /** The adapters that the run trains; empty when it trains all weights. */
    public Optional<Adapters> adapters() {
        int rank = count("optimizer.lora.rank");
        double alpha = number("optimizer.lora.alpha");
        return rank == 0
                ? Optional.empty()
                : Optional.of(new Adapters(rank, alpha == 0 ? rank : alpha, names("optimizer.lora.targets")));
    }

    /** Names with commas between them. */
    public List<String> names(String key) {
        return java.util.Arrays.stream(text(key).split(",", -1))
                .map(String::strip)
                .filter(n -> !n.isEmpty())
                .toList();
    }

    /** A whole number. */
    public long integer(String key) {
        return Long.parseLong(text(key));
    }

    /** A whole number that fits an int. */
    public int count(String key) {
        return Math.toIntExact(integer(key));
    }

    /** A number. */
    public double number(String key) {
        return Double.parseDouble(text(key));
    }

    /** A flag. */
    public boolean flag(String key) {
        return Boolean.parseBoolean(text(key));
    }

    /** Every setting, one a line, in the order of their names: what a dry run prints and what a resumed run is compared by. */
    public String print() {
        StringBuilder out = new StringBuilder();
        values.forEach((key, value) ->
                out.append(key).append(": ").append(value.replace("\n", "\\n")).append('\n'));
        return out.toString();
    }

    private static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }
}
