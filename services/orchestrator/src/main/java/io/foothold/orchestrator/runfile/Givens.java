package io.foothold.orchestrator.runfile;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.contracts.names.Name;
import io.foothold.core.keys.Key;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.loss.Losses;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Values that somebody gave to keys, and where; each is checked against the schema when it comes. */
final class Givens {
    private static final String NUMBER = "[+-]?(\\d+(\\.\\d*)?|\\.\\d+)([eE][+-]?\\d{1,9})?";

    /** What losses are called has changed; a run of an earlier version goes on with the words of today. */
    private static final String LOSS = "loss.name";

    private final Map<String, Given> byPath = new LinkedHashMap<>();

    /** A value and where it was given, as a message begins. */
    record Given(String at, String value) {}

    /** What a text gives. */
    static Givens parse(String where, String text) {
        Givens out = new Givens();
        for (YamlReader.Entry entry : YamlReader.read(where, text)) {
            String at = where + ":" + entry.line();
            String path = Schema.current(entry.path());
            Given first = out.byPath.get(path);
            if (first != null) {
                throw invalid(at + ": '" + path + "' is given twice, first at " + first.at());
            }
            out.put(at, path, entry.value());
        }
        return out;
    }

    /** Gives a value to a key, by its name of today or a former one. */
    void give(String at, String path, String value) {
        put(at, Schema.current(path), value);
    }

    /** The lists that have an item. */
    Set<String> lists() {
        Set<String> out = new LinkedHashSet<>();
        byPath.keySet().stream()
                .filter(path -> path.matches("\\w+\\.\\w+\\.\\d+\\..*"))
                .forEach(path -> out.add(path.replaceFirst("\\.\\d+\\..*", "")));
        return out;
    }

    /** The same without some lists. */
    Givens without(Set<String> lists) {
        Givens out = new Givens();
        byPath.forEach((path, given) -> {
            if (lists.stream().noneMatch(list -> path.startsWith(list + "."))) {
                out.byPath.put(path, given);
            }
        });
        return out;
    }

    /** Takes over all values of others. */
    void giveAll(Givens others) {
        byPath.putAll(others.byPath);
    }

    /** What a key was given, if anything. */
    Optional<Given> of(String path) {
        return Optional.ofNullable(byPath.get(path));
    }

    /** Names of the evaluation sets that have a key. */
    Set<String> evaluationSets() {
        Set<String> sets = new LinkedHashSet<>();
        byPath.keySet().stream()
                .filter(k -> k.startsWith("problems.evaluate."))
                .forEach(k -> sets.add(k.split("\\.", 4)[2]));
        return sets;
    }

    /**
     * Every key of the schema, with its default where nothing is given.
     *
     * @param where name of the file in messages
     */
    Map<String, String> filled(String where) {
        Map<String, String> values = new TreeMap<>();
        Set<String> sets = evaluationSets();
        Schema.keys().forEach((path, key) -> {
            if (path.contains("#")) {
                String list = path.substring(0, path.indexOf('#'));
                for (int i = 1; i <= items(list); i++) {
                    fill(values, path.replace("#", Integer.toString(i)), key, where);
                }
            } else if (path.contains("*")) {
                sets.forEach(s -> fill(values, path.replace("*", s), key, where));
            } else {
                fill(values, path, key, where);
            }
        });
        return values;
    }

    /** The last place in a list that has a key. */
    private int items(String list) {
        return byPath.keySet().stream()
                .filter(path -> path.startsWith(list))
                .mapToInt(path -> Integer.parseInt(path.substring(list.length(), path.indexOf('.', list.length()))))
                .max()
                .orElse(0);
    }

    private void fill(Map<String, String> values, String path, Key key, String where) {
        Given given = byPath.get(path);
        String value = given == null ? key.fallback() : given.value();
        if (value == null) {
            throw invalid(where + ": '" + path + "' is missing: " + key.help());
        }
        values.put(path, value);
    }

    private void put(String at, String path, String value) {
        Key key = keyOf(at, path);
        YamlReader.checkText(at + ": '" + path + "'", value);
        String got = ", got '" + SettingsException.shown(value) + "'";
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
            throw invalid(at + ": '" + path + "' cannot be '" + SettingsException.shown(value) + "'"
                    + hint(value, key.allowed()));
        }
        byPath.put(path, new Given(at, path.equals(LOSS) ? Losses.kind(value).name() : value));
    }

    private static void checkNumber(String at, String path, Key key, boolean written, String value) {
        if (key.allowed().contains(value)) {
            return;
        }
        Key.Range range = Objects.requireNonNull(key.range());
        double number = written ? Double.parseDouble(value) : Double.NaN;
        // 1e-999 is a number that a double cannot hold: it would be another setting than the one that was asked for.
        boolean vanished = number == 0 && value.split("[eE]", 2)[0].matches(".*[1-9].*");
        if (!range.holds(number) || vanished) {
            throw invalid(at + ": '" + path + "' must be a " + (key.type() == Key.Type.INTEGER ? "whole " : "")
                    + "number " + range.words()
                    + (key.allowed().isEmpty() ? "" : ", or " + String.join(", ", key.allowed()))
                    + ", got '" + SettingsException.shown(value) + "'");
        }
    }

    /** The nearest of some names, as a message ends. */
    static String hint(String given, Collection<String> names) {
        return Nearest.hint(SettingsException.shown(given), names);
    }

    private static Key keyOf(String at, String path) {
        Key exact = Schema.keys().get(path);
        if (exact != null && !path.contains("*") && !path.contains("#")) {
            return exact;
        }
        String[] parts = path.split("\\.", 4);
        Key ofItem = parts.length == 4 && parts[2].matches("[1-9]\\d?")
                ? Schema.keys().get(parts[0] + "." + parts[1] + ".#." + parts[3])
                : null;
        if (ofItem != null) {
            return ofItem;
        }
        Key ofSet = parts.length == 4 && path.startsWith("problems.evaluate.")
                ? Schema.keys().get("problems.evaluate.*." + parts[3])
                : null;
        if (ofSet == null) {
            String shown = SettingsException.shown(path);
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

    private static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }
}
