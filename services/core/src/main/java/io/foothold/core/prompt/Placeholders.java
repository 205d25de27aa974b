package io.foothold.core.prompt;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Fills a prompt's placeholders, such as {problem}. */
public final class Placeholders {
    private static final Pattern PLACE = Pattern.compile("\\{([a-z]+)\\}");

    private Placeholders() {}

    /**
     * Every known placeholder by its value, in one pass: what a value holds in braces stays as it is, as do names that are not
     * known.
     *
     * @param values by name, without braces
     */
    public static String fill(String template, Map<String, String> values) {
        return PLACE.matcher(template).replaceAll(place -> {
            String value = values.get(place.group(1));
            return Matcher.quoteReplacement(value == null ? place.group() : value);
        });
    }
}
