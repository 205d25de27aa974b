package io.foothold.cli.hub;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * Which files of a data set hold the rows of a split: those that its card names (the block of YAML before README.md's text), else those whose
 * names say so, as Hugging Face's {@code datasets} does.
 */
final class DataFiles {
    private static final Pattern ROWS = Pattern.compile(".*\\.(parquet|jsonl|json|csv)");
    private static final Pattern CARD = Pattern.compile("\\A---\\R(.*?)^---", Pattern.DOTALL | Pattern.MULTILINE);

    private final HubName name;
    private final List<String> files;

    /** Files of a data set, by their paths in it. */
    DataFiles(HubName name, List<String> all) {
        this.name = name;
        this.files =
                all.stream().filter(f -> ROWS.matcher(f).matches()).sorted().toList();
    }

    /**
     * The files of a split, in order.
     *
     * @param card text of README.md; empty when there is none
     * @param config one of several sets that a repository holds; empty for the only one, or that named default
     * @throws FootholdException NOT_FOUND with what there is
     */
    List<String> of(String card, String config, String split) {
        Map<String, Map<String, List<String>>> named = configs(card);
        if (!named.isEmpty()) {
            return ofCard(named, config, split);
        }
        Pattern word = Pattern.compile("(.*[-_./])?" + Pattern.quote(split) + "([-_./].*)?");
        List<String> own = files.stream()
                .filter(f -> config.isEmpty() || List.of(f.split("/")).contains(config))
                .toList();
        List<String> found = own.stream().filter(f -> word.matcher(f).matches()).toList();
        if (found.isEmpty() && split.equals("train") && own.size() == 1) {
            return own;
        }
        if (found.isEmpty()) {
            throw none(
                    (config.isEmpty() ? "" : "in config '" + config + "' ") + "no file of split '" + split + "'",
                    files.isEmpty() ? "no .parquet, .jsonl, .json or .csv" : Hub.shown(files));
        }
        return found;
    }

    private List<String> ofCard(Map<String, Map<String, List<String>>> named, String asked, String split) {
        String config = !asked.isEmpty()
                ? asked
                : named.size() == 1 ? named.keySet().iterator().next() : "default";
        Map<String, List<String>> splits = named.get(config);
        if (splits == null) {
            throw none(
                    asked.isEmpty() ? "several configs and none named default" : "no config '" + asked + "'",
                    asked.isEmpty()
                            ? String.join(", ", new TreeSet<>(named.keySet()))
                            : "configs" + Nearest.hint(asked, new TreeSet<>(named.keySet())));
        }
        List<String> patterns = splits.get(split);
        if (patterns == null) {
            throw none(
                    "no split '" + split + "' in config '" + config + "'",
                    "splits" + Nearest.hint(split, new TreeSet<>(splits.keySet())));
        }
        List<PathMatcher> matchers = patterns.stream()
                .map(p -> FileSystems.getDefault().getPathMatcher("glob:" + p))
                .toList();
        List<String> found = files.stream()
                .filter(f -> matchers.stream().anyMatch(m -> m.matches(Path.of(f))))
                .toList();
        if (found.isEmpty()) {
            throw none(
                    "no file at " + String.join(", ", patterns) + " that its card names for split '" + split + "'",
                    Hub.shown(files));
        }
        return found;
    }

    private FootholdException none(String what, String have) {
        return new FootholdException(ErrorCode.NOT_FOUND, "data set " + name + " has " + what + "; it has " + have);
    }

    /** Patterns of files by config and split; empty where the card names none. */
    private Map<String, Map<String, List<String>>> configs(String card) {
        var block = CARD.matcher(card);
        if (!block.find()) {
            return Map.of();
        }
        Object yaml;
        try {
            yaml = new Load(LoadSettings.builder().setAllowDuplicateKeys(true).build()).loadFromString(block.group(1));
        } catch (YamlEngineException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, "the card of data set " + name + " cannot be read: " + e.getMessage(), e);
        }
        Map<String, Map<String, List<String>>> out = new LinkedHashMap<>();
        for (Object config : list(value(yaml, "configs").orElse(List.of()))) {
            Map<String, List<String>> splits = new LinkedHashMap<>();
            Object given = value(config, "data_files").orElse(List.of());
            if (given instanceof String
                    || (given instanceof List<?> paths && paths.stream().allMatch(String.class::isInstance))) {
                if (!list(given).isEmpty()) {
                    splits.put("train", texts(given));
                }
            } else {
                for (Object split : list(given)) {
                    splits.put(
                            value(split, "split").map(Object::toString).orElse("train"),
                            texts(value(split, "path").orElse(List.of())));
                }
            }
            if (!splits.isEmpty()) {
                out.put(value(config, "config_name").map(Object::toString).orElse("default"), splits);
            }
        }
        return out;
    }

    private static Optional<Object> value(Object map, String key) {
        return map instanceof Map<?, ?> known ? Optional.ofNullable(known.get(key)) : Optional.empty();
    }

    private static List<?> list(Object value) {
        return value instanceof List<?> known ? known : List.of(value);
    }

    private static List<String> texts(Object value) {
        List<String> out = new ArrayList<>();
        list(value).forEach(v -> out.add(v.toString()));
        return out;
    }
}
