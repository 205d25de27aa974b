package io.foothold.orchestrator.runfile;

import io.foothold.core.keys.Key;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The reference page of run files: every key of the schema in Markdown. */
public final class RunFileReference {
    private static final String WITHOUT_GROUP = "Keys of no group";

    private static final Pattern POWER = Pattern.compile("\\b10{6,}\\b");

    private RunFileReference() {}

    /** The page, after its first heading. */
    public static String markdown() {
        StringBuilder out = new StringBuilder("""
                A run file is one YAML document of mappings and values. A key is a path: `optimizer.learning_rate` may be written with its dots
                or as nested mappings. `NAME` stands for any name, `N` for the place of an item of a list, from 1. What has no default must be
                given; a default that the run's preset (`method`) or the file gives another value is overridden by it, and `--set KEY=VALUE`
                overrides both. `./foothold train RUN.yaml --dry-run` prints every setting that a file resolves to.

                """);
        out.append("Presets: ")
                .append(RunFile.presets().stream().map(p -> "`" + p + "`").collect(Collectors.joining(", ")))
                .append(".\n");
        Map<String, StringBuilder> groups = new LinkedHashMap<>();
        groups.put(WITHOUT_GROUP, new StringBuilder());
        Schema.keys().forEach((path, key) -> groups.computeIfAbsent(group(path), g -> new StringBuilder())
                .append(row(path, key)));
        groups.forEach((group, rows) -> out.append("\n## ")
                .append(group)
                .append(
                        "\n\n| key | type | default | range or choices | unit | what it is |\n|---|---|---|---|---|---|\n")
                .append(rows));
        out.append("\n## Former names\n\nThey still mean the same.\n\n| former | now |\n|---|---|\n");
        Schema.renamed().forEach((former, now) -> out.append("| `%s` | `%s` |\n".formatted(former, now)));
        return out.toString();
    }

    private static String group(String path) {
        int dot = path.indexOf('.');
        return dot < 0 ? WITHOUT_GROUP : path.substring(0, dot);
    }

    private static String row(String path, Key key) {
        Key.Range range = key.range();
        return "| `%s` | %s | %s | %s | %s | %s |\n"
                .formatted(
                        path.replace("*", "NAME").replace("#", "N"),
                        switch (key.type()) {
                            case TEXT -> "text";
                            case INTEGER -> "integer";
                            case NUMBER -> "number";
                            case FLAG -> "flag";
                        },
                        fallback(key),
                        values(path, key),
                        range == null ? "" : range.unit(),
                        cell(key.help() + source(key)));
    }

    private static String source(Key key) {
        String source = key.origin().source();
        return source.isEmpty() ? "" : " Source: " + source + ".";
    }

    private static String fallback(Key key) {
        String fallback = key.fallback();
        return fallback == null ? "" : fallback.isEmpty() ? "empty" : "`" + cell(fallback) + "`";
    }

    private static String values(String path, Key key) {
        if (path.equals("method")) {
            return "a preset";
        }
        String words = key.allowed().stream().map(a -> "`" + cell(a) + "`").collect(Collectors.joining(", "));
        Key.Range range = key.range();
        if (range == null) {
            return words;
        }
        return powers(range.bounds()) + (words.isEmpty() ? "" : ", or " + words);
    }

    /** Large powers of ten as such. */
    private static String powers(String text) {
        return POWER.matcher(text).replaceAll(power -> "1e" + (power.group().length() - 1));
    }

    private static String cell(String text) {
        return text.replace("|", "\\|").replace("\n", " ");
    }
}
