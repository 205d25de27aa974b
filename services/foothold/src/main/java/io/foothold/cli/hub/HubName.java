package io.foothold.cli.hub;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A repository of a hub.
 *
 * @param kind of what it holds
 * @param id organisation and name
 * @param revision branch, tag or commit
 */
public record HubName(Kind kind, String id, String revision) {
    private static final Pattern NAME =
            Pattern.compile("([A-Za-z0-9][\\w.-]{0,95}/[A-Za-z0-9][\\w.-]{0,95})(?:@([\\w][\\w./-]{0,199}))?");

    /** What a repository holds. */
    public enum Kind {
        /** Weights, tokenizer, configuration. */
        MODEL("models", ""),
        /** Rows. */
        DATASET("datasets", "datasets/");

        private final String word;
        private final String before;

        Kind(String word, String before) {
            this.word = word;
            this.before = before;
        }

        /** The part of the hub's interface that knows them. */
        String word() {
            return word;
        }

        /** What stands before an id in addresses of files. */
        String before() {
            return before;
        }
    }

    /** What a text names: ORGANISATION/NAME, with @REVISION where it is not the main branch; empty for anything else. */
    public static Optional<HubName> parse(Kind kind, String text) {
        Matcher matcher = NAME.matcher(text);
        if (!matcher.matches() || text.contains("..") || text.contains("--")) {
            return Optional.empty();
        }
        String revision = matcher.group(2);
        return Optional.of(new HubName(kind, matcher.group(1), revision == null ? "main" : revision));
    }

    /** The same at another revision. */
    HubName at(String other) {
        return new HubName(kind, id, other);
    }

    /** Directory of it in a cache. */
    String directory() {
        return kind.word() + "--" + id.replace("/", "--");
    }

    @Override
    public String toString() {
        return id + "@" + revision;
    }
}
