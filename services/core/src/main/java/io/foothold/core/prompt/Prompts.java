package io.foothold.core.prompt;

import java.util.List;
import java.util.Map;

/**
 * What is put around a problem: its prompt alone, and with the beginning of a solution that is to be continued.
 *
 * @param root text with {@code {problem}}
 * @param guided text with {@code {problem}} and {@code {prefix}}; empty when nothing is guided
 */
public record Prompts(String root, String guided) {
    /** The prompt of a problem alone. */
    public String root(String statement) {
        return Placeholders.fill(root, Map.of("problem", statement));
    }

    /**
     * The prompt of a problem with the first thoughts of a solution.
     *
     * @param thoughts the whole solution
     * @param prefix how many of them are given, at least 1
     */
    public String guided(String statement, List<String> thoughts, int prefix) {
        return Placeholders.fill(
                guided, Map.of("problem", statement, "prefix", String.join("", thoughts.subList(0, prefix))));
    }
}
