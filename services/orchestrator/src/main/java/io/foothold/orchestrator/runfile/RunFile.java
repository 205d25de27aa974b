package io.foothold.orchestrator.runfile;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.contracts.names.Name;
import io.foothold.core.prompt.Prompts;
import io.foothold.core.reset.ResetSplit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A run file, resolved: defaults of the schema, then the preset, then the file, then settings from the command line. Every key
 * has a value; unknown keys and wrong values are refused with file and line.
 */
public final class RunFile {
    private static final String NUMBER = "[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d{1,9})?";

    /** Form of {@link #stored}: read by every later version. */
    private static final int STORED_FORM = 1;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    private static final String TARGETS = "optimizer.lora.targets";

    /** What stood there where nobody had chosen, before there were models with other names. */
    private static final String FORMER_TARGETS = "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj";

    private final Map<String, String> values;
    private final Set<String> evaluationSets;

    private RunFile(Map<String, String> values, Set<String> evaluationSets) {
        this.values = values;
        this.evaluationSets = evaluationSets;
    }

    /** Names of the presets, in alphabetical order. */
    public static List<String> presets() {
        return Presets.SHIPPED.names();
    }

    /** A value and where it was given, as a message begins. */
    record Given(String at, String value) {}

    /**
     * Resolves the text of a run file.
     *
     * @param where name of the file in messages
     * @param overrides {@code key=value} settings that win over the file
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for anything that is wrong with it, with the line where it has one
     */
    public static RunFile resolve(String where, String text, List<String> overrides) {
        Map<String, Given> own = parse(where, text);
        for (String override : overrides) {
            int at = override.indexOf('=');
            String shown = "--set " + YamlReader.shown(override);
            if (at < 1) {
                throw invalid(shown + ": expected key=value");
            }
            put(own, shown, Schema.current(override.substring(0, at)), override.substring(at + 1));
        }
        Given method = own.get("method");
        if (method == null) {
            throw invalid(where + ": 'method' is missing (expected one of " + String.join(", ", presets()) + ")");
        }
        if (!presets().contains(method.value())) {
            throw invalid(method.at() + ": unknown method '" + YamlReader.shown(method.value()) + "'"
                    + hint(method.value(), presets()));
        }
        Map<String, Given> merged =
                new LinkedHashMap<>(parse("preset " + method.value(), Presets.SHIPPED.text(method.value())));
        merged.putAll(own);
        Map<String, String> given = new LinkedHashMap<>();
        merged.forEach((path, value) -> given.put(path, value.value()));
        Set<String> sets = setsOf(given.keySet());
        RunFile file = new RunFile(filled(given, sets, where), sets);
        new SettingsRules(file, path -> {
                    Given at = own.get(path);
                    return at == null ? where : at.at();
                })
                .check();
        return file;
    }

    private static Set<String> setsOf(Set<String> paths) {
        Set<String> sets = new LinkedHashSet<>();
        paths.stream().filter(k -> k.startsWith("problems.evaluate.")).forEach(k -> sets.add(k.split("\\.", 4)[2]));
        return sets;
    }

    /** Every key of the schema, with its default where nothing is given. */
    private static Map<String, String> filled(Map<String, String> given, Set<String> sets, String where) {
        Map<String, String> values = new TreeMap<>();
        Schema.keys().forEach((path, key) -> {
            if (path.contains("#")) {
                String list = path.substring(0, path.indexOf('#'));
                for (int i = 1; i <= items(given.keySet(), list); i++) {
                    fill(values, given, path.replace("#", Integer.toString(i)), key, where);
                }
            } else if (path.contains("*")) {
                sets.forEach(s -> fill(values, given, path.replace("*", s), key, where));
            } else {
                fill(values, given, path, key, where);
            }
        });
        return values;
    }

    /** The last place in a list that has a key. */
    private static int items(Set<String> paths, String list) {
        return paths.stream()
                .filter(path -> path.startsWith(list))
                .mapToInt(path -> Integer.parseInt(path.substring(list.length(), path.indexOf('.', list.length()))))
                .max()
                .orElse(0);
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
     * The settings as data, for the ledger: JSON with the number of its form and every key in the order of the names.
     * {@link #restore} is its inverse; equal settings have equal text.
     */
    public String stored() {
        ObjectNode json = MAPPER.createObjectNode().put("form", STORED_FORM);
        ObjectNode settings = json.putObject("settings");
        values.forEach(settings::put);
        return json.toString();
    }

    /**
     * The settings that {@link #stored} wrote, perhaps in an earlier version: keys that are newer than it have their defaults,
     * which change nothing.
     *
     * @throws FootholdException {@link ErrorCode#WRONG_STATE} when it is of another form or has a key or value that this version
     *     does not know
     */
    public static RunFile restore(String stored) {
        JsonNode json;
        try {
            json = MAPPER.readTree(stored);
        } catch (JsonProcessingException e) {
            json = MAPPER.missingNode();
        }
        if (json.path("form").asInt() != STORED_FORM || !json.path("settings").isObject()) {
            throw unreadable(
                    "they are not of the form that this version reads, from which no setting can be taken for another: "
                            + "start the run again under another id");
        }
        Map<String, Given> given = new LinkedHashMap<>();
        try {
            json.path("settings")
                    .properties()
                    .forEach(e -> put(
                            given,
                            "stored settings",
                            Schema.current(e.getKey()),
                            e.getValue().asText()));
        } catch (FootholdException e) {
            throw unreadable("this version does not know all of them: " + e.text());
        }
        Map<String, String> values = new LinkedHashMap<>();
        given.forEach((path, value) -> values.put(path, value.value()));
        Set<String> sets = setsOf(values.keySet());
        return new RunFile(filled(values, sets, "stored settings"), sets);
    }

    private static FootholdException unreadable(String why) {
        return new FootholdException(ErrorCode.WRONG_STATE, "the run's stored settings cannot be used: " + why);
    }

    /**
     * What differs in another run file, a line a key with both values; empty when nothing does. Not looked at is on what a run is computed.
     */
    public List<String> differences(RunFile other) {
        return differing(other).stream()
                .filter(key -> !ofMachine(key))
                .map(key -> difference(other, key))
                .toList();
    }

    /**
     * What differs in another run file that a run may go on with, a line a key with both values: on what it is computed. Of the torch
     * backend that is the size of a micro-batch too, which changes nothing there but how sums are rounded.
     */
    public List<String> moves(RunFile other) {
        return differing(other).stream()
                .filter(this::ofMachine)
                .map(key -> difference(other, key))
                .toList();
    }

    private boolean ofMachine(String key) {
        return Schema.ofMachine(key)
                || key.equals("optimizer.micro_batch_tokens")
                        && text("learner.backend").equals("torch");
    }

    private List<String> differing(RunFile other) {
        Set<String> keys = new TreeSet<>(values.keySet());
        keys.addAll(other.values.keySet());
        return keys.stream()
                .filter(key -> !Objects.equals(values.get(key), other.values.get(key)))
                .filter(key -> !key.equals(TARGETS) || !Objects.equals(targets(this), targets(other)))
                .toList();
    }

    private String difference(RunFile other, String key) {
        return key + ": was " + side(values.get(key)) + ", is " + side(other.values.get(key));
    }

    /** The targets of adapters, where an earlier version's default stands for the one that came after it. */
    private static @Nullable String targets(RunFile file) {
        String value = file.values.get(TARGETS);
        return FORMER_TARGETS.equals(value) ? Schema.AUTO : value;
    }

    private static String side(@Nullable String value) {
        return value == null ? "not there" : YamlWriter.scalar(YamlReader.shown(value));
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

    /** Whether the best revision of the failed answers joins their group (Critique-GRPO). */
    public boolean refines() {
        return !text("revision.prompt").isEmpty() && text("revision.use").equals("best");
    }

    /** Whether hints are only for problems whose every answer failed (Guide). */
    public boolean hintsWhenWrong() {
        return text("guidance.when").equals("all_wrong");
    }

    /** Children of a node at each level of the tree; empty without one. */
    public List<Integer> branches() {
        String branches = text("tree.branches");
        return branches.isEmpty()
                ? List.of()
                : Arrays.stream(branches.split("x")).map(Integer::valueOf).toList();
    }

    private static Map<String, Given> parse(String where, String text) {
        Map<String, Given> out = new LinkedHashMap<>();
        for (YamlReader.Entry entry : YamlReader.read(where, text)) {
            String at = where + ":" + entry.line();
            String path = Schema.current(entry.path());
            Given first = out.get(path);
            if (first != null) {
                throw invalid(at + ": '" + path + "' is given twice, first at " + first.at());
            }
            put(out, at, path, entry.value());
        }
        return out;
    }

    private static void put(Map<String, Given> out, String at, String path, String value) {
        Schema.Key key = keyOf(at, path);
        YamlReader.checkText(at + ": '" + path + "'", value);
        String got = ", got '" + YamlReader.shown(value) + "'";
        switch (key.type()) {
            case TEXT -> {}
            case INTEGER -> checkNumber(at, path, key, value.matches("[+-]?\\d{1,18}"), value);
            case NUMBER -> checkNumber(at, path, key, value.length() <= 64 && value.matches(NUMBER), value);
            case FLAG -> {
                if (!value.equals("true") && !value.equals("false")) {
                    throw invalid(at + ": '" + path + "' must be true or false" + got);
                }
            }
        }
        if (key.range() == null && !key.allowed().isEmpty() && !key.allowed().contains(value)) {
            throw invalid(
                    at + ": '" + path + "' cannot be '" + YamlReader.shown(value) + "'" + hint(value, key.allowed()));
        }
        out.put(path, new Given(at, value));
    }

    private static void checkNumber(String at, String path, Schema.Key key, boolean written, String value) {
        if (key.allowed().contains(value)) {
            return;
        }
        Schema.Range range = Objects.requireNonNull(key.range());
        double number = written ? Double.parseDouble(value) : Double.NaN;
        // 1e-999 is a number that a double cannot hold: it would be another setting than the one that was asked for.
        boolean vanished = number == 0 && value.split("[eE]", 2)[0].matches(".*[1-9].*");
        if (!range.holds(number) || vanished) {
            throw invalid(at + ": '" + path + "' must be a " + (key.type() == Schema.Type.INTEGER ? "whole " : "")
                    + "number " + range.words()
                    + (key.allowed().isEmpty() ? "" : ", or " + String.join(", ", key.allowed()))
                    + ", got '" + YamlReader.shown(value) + "'");
        }
    }

    private static String hint(String given, Collection<String> names) {
        return Nearest.hint(YamlReader.shown(given), names);
    }

    private static Schema.Key keyOf(String at, String path) {
        Schema.Key exact = Schema.keys().get(path);
        if (exact != null && !path.contains("*") && !path.contains("#")) {
            return exact;
        }
        String[] parts = path.split("\\.", 6);
        Schema.Key ofItem = parts.length == 4 && parts[2].matches("[1-9]\\d?")
                ? Schema.keys().get(parts[0] + "." + parts[1] + ".#." + parts[3])
                : null;
        if (ofItem != null) {
            return ofItem;
        }
        Schema.Key ofSet = parts.length == 4 && path.startsWith("problems.evaluate.")
                ? Schema.keys().get("problems.evaluate.*." + parts[3])
                : null;
        if (ofSet == null) {
            String shown = YamlReader.shown(path);
            String why = Schema.missing(path);
            if (why != null) {
                throw invalid(at + ": '" + shown + "'" + why);
            }
            boolean group = Schema.keys().keySet().stream().anyMatch(known -> known.startsWith(path + "."));
            throw invalid(at + ": "
                    + (group
                            ? "'" + shown + "' is a group of keys, it has no value of its own"
                            : "unknown key '" + shown + "'"
                                    + hint(path, Schema.keys().keySet())));
        }
        Name.of(at + ": evaluation set", parts[2]);
        return ofSet;
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
     * @param targets linear layers that get one; empty for all but the head
     */
    public record Adapters(int rank, double alpha, List<String> targets) {}

    /** The adapters that the run trains; empty when it trains all weights. */
    public Optional<Adapters> adapters() {
        int rank = count("optimizer.lora.rank");
        double alpha = number("optimizer.lora.alpha");
        List<String> targets = automatic(TARGETS) ? List.of() : names(TARGETS);
        return rank == 0 ? Optional.empty() : Optional.of(new Adapters(rank, alpha == 0 ? rank : alpha, targets));
    }

    /**
     * An earlier turn of the conversation that prompts stand in.
     *
     * @param user what the user says
     * @param assistant what the assistant answers
     */
    public record Turn(String user, String assistant) {}

    /** The earlier turns, in order. */
    public List<Turn> turns() {
        List<Turn> out = new ArrayList<>();
        for (int i = 1; i <= items(values.keySet(), "prompts.turns."); i++) {
            String at = "prompts.turns." + i;
            out.add(new Turn(text(at + ".user"), text(at + ".assistant")));
        }
        return out;
    }

    /** Stands between the user's message and what opens the answer: a character that no setting can hold. */
    private static final String ANSWER_SEPARATOR = "\u001e";

    /** Whether a guided answer begins with the oracle's thoughts. */
    public boolean prefills() {
        return text("guidance.form").equals("prefill");
    }

    /** What stands between the user's message and what opens the answer in a conversation; empty where nothing does. */
    public String answerSeparator() {
        return prefills() ? answering() : "";
    }

    /** What is put around problems; the guided part is empty when there is none. */
    public Prompts prompts() {
        String root = text("prompts.root");
        return new Prompts(root, prefills() ? root + answerSeparator() + "{prefix}" : text("prompts.guided"));
    }

    /** The prompt of a problem with the beginning of its answer, to be encoded with {@link #answering}. */
    public String answered(String statement, String answer) {
        return prompts().root(statement) + answering() + answer;
    }

    /** What stands before the answer in a prompt of {@link #answered}; empty where it follows as it is. */
    public String answering() {
        return flag("prompts.chat") ? ANSWER_SEPARATOR : "";
    }

    /** Names with commas between them. */
    public List<String> names(String key) {
        return Arrays.stream(text(key).split(",", -1))
                .map(String::strip)
                .filter(n -> !n.isEmpty())
                .toList();
    }

    /** Limit of sampled tokens of an evaluation's answers; 0 takes the problem's own. */
    public int evaluationTokens() {
        String own = "evaluation.sampling.max_tokens";
        return count(automatic(own) ? "sampling.max_tokens" : own);
    }

    /** Softmax temperature of an evaluation. */
    public double evaluationTemperature() {
        String own = "evaluation.sampling.temperature";
        return number(automatic(own) ? "sampling.temperature" : own);
    }

    /** Whether a value is left to follow from others. */
    public boolean automatic(String key) {
        return text(key).equals(Schema.AUTO);
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

    /**
     * Every setting, one a line, in the order of their names: what a dry run and the REST interface show. It is a run file itself
     * and resolves to the same settings.
     */
    public String print() {
        StringBuilder out = new StringBuilder();
        values.forEach((key, value) ->
                out.append(key).append(": ").append(YamlWriter.scalar(value)).append('\n'));
        return out.toString();
    }

    /** Whether another one has the same settings. */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof RunFile that && values.equals(that.values);
    }

    @Override
    public int hashCode() {
        return values.hashCode();
    }

    private static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }
}
