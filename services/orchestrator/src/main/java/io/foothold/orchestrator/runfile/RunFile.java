package io.foothold.orchestrator.runfile;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.digest.TextDigest;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.keys.Setting;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.method.ChosenMethod;
import io.foothold.core.settings.RunSettings;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A run file, resolved: defaults of the schema, then the preset, then the file, then settings from the command line. Every key
 * has a value; unknown keys and wrong values are refused with file and line.
 */
public final class RunFile {
    /** Form of {@link #stored}: read by every later version. */
    private static final int STORED_FORM = 1;

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Ends the keys of functions' texts; before it stands the key of the function. */
    private static final String SOURCE = "_source";

    private static final String TARGETS = "optimizer.lora.targets";

    /** What stood there where nobody had chosen, before there were models with other names. */
    private static final String FORMER_TARGETS = "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj";

    private final Map<String, String> values;
    private final Set<String> evaluationSets;
    private final RunSettings settings;
    private final Givens givens;
    private final String where;

    private RunFile(Givens givens, String where) {
        this.givens = givens;
        this.where = where;
        this.values = givens.filled(where);
        this.evaluationSets = givens.evaluationSets();
        this.settings = RunSettings.of(values, ChosenMethod.records());
    }

    /** Names of the presets, in alphabetical order. */
    public static List<String> presets() {
        return Presets.SHIPPED.names();
    }

    /**
     * Resolves the text of a run file.
     *
     * @param where name of the file in messages
     * @param overrides {@code key=value} settings that win over the file
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for anything that is wrong with it, with the line where it has one
     */
    public static RunFile resolve(String where, String text, List<String> overrides) {
        Givens own = Givens.parse(where, text);
        // A list of the file is the whole list; settings of the command line change items of whichever is there.
        Set<String> lists = own.lists();
        for (String override : overrides) {
            int at = override.indexOf('=');
            String shown = "--set " + SettingsException.shown(override);
            if (at < 1) {
                throw invalid(shown + ": expected key=value");
            }
            own.give(shown, override.substring(0, at), override.substring(at + 1));
        }
        Givens.Given method = own.of("method")
                .orElseThrow(() -> invalid(
                        where + ": 'method' is missing (expected one of " + String.join(", ", presets()) + ")"));
        if (!presets().contains(method.value())) {
            throw invalid(method.at() + ": unknown method '" + SettingsException.shown(method.value()) + "'"
                    + Givens.hint(method.value(), presets()));
        }
        Givens preset = Givens.parse(where + ", preset " + method.value(), Presets.SHIPPED.text(method.value()));
        Givens merged = new Givens();
        merged.giveAll(preset.without(lists));
        merged.giveAll(own);
        RunFile file = new RunFile(merged, where);
        new SettingsRules(file.settings, file.evaluationSets, file::at).check();
        new RewardRules(file.settings, file::at).check();
        new LossRules(file.settings, own, preset, file::at).check();
        return file;
    }

    /**
     * Where the value of a key was given, as a message begins: file and line, the preset that the file asks for and its line, or the
     * setting of the command line; the file where a default stands.
     */
    public String at(String key) {
        return givens.of(key).map(Givens.Given::at).orElse(where);
    }

    /**
     * The settings as data, for the ledger: JSON with the number of its form and every key in the order of the names.
     * {@link #restore} is its inverse; equal settings have equal text.
     */
    public String stored() {
        ObjectNode json = MAPPER.createObjectNode().put("form", STORED_FORM);
        ObjectNode stored = json.putObject("settings");
        values.forEach(stored::put);
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
        Givens givens = new Givens();
        try {
            json.path("settings")
                    .properties()
                    .forEach(e -> givens.give(
                            "stored settings", e.getKey(), e.getValue().asText()));
        } catch (FootholdException e) {
            throw unreadable("this version does not know all of them: " + e.text());
        }
        return new RunFile(givens, "stored settings");
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
                        && settings.learner().backend().equals("torch");
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
        if (key.endsWith(".python" + SOURCE)) {
            return key + ": the file of "
                    + values.get(key.substring(0, key.length() - SOURCE.length())) + " was " + digest(values.get(key))
                    + ", is "
                    + digest(other.values.get(key));
        }
        return key + ": was " + side(values.get(key)) + ", is " + side(other.values.get(key));
    }

    /** The targets of adapters, where an earlier version's default stands for the one that came after it. */
    private static @Nullable String targets(RunFile file) {
        String value = file.values.get(TARGETS);
        return FORMER_TARGETS.equals(value) ? Setting.AUTO : value;
    }

    private static String digest(@Nullable String text) {
        return text == null || text.isEmpty() ? "not there" : "sha256 " + TextDigest.sha256(text);
    }

    private static String side(@Nullable String value) {
        return value == null ? "not there" : YamlWriter.scalar(SettingsException.shown(value));
    }

    /** The settings as records of core. */
    public RunSettings settings() {
        return settings;
    }

    /** Keys of the problem sets, as {@link io.foothold.core.settings.ProblemSettings#at} takes them: of the training problems first. */
    public List<String> problemSources() {
        return problemSources(evaluationSets);
    }

    static List<String> problemSources(Set<String> evaluationSets) {
        return Stream.concat(
                        Stream.of("problems.train"), evaluationSets.stream().map(set -> "problems.evaluate." + set))
                .toList();
    }

    /** Names of the evaluation sets. */
    public Set<String> evaluationSets() {
        return evaluationSets;
    }

    /** Every setting as it is written, by its key. */
    public Map<String, String> values() {
        return Collections.unmodifiableMap(values);
    }

    /** The value of a key as it is written. */
    public String text(String key) {
        String value = values.get(key);
        if (value == null) {
            throw new IllegalArgumentException("no key " + key + " in the schema");
        }
        return value;
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
