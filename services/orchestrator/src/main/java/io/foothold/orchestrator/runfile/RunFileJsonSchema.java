package io.foothold.orchestrator.runfile;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.keys.Key;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The schema as JSON Schema 2020-12, by which editors complete and check run files. A path may be written with its dots at every depth,
 * as {@link RunFile} takes it. Rules between keys, and texts that are checked where they are used, are not in it.
 */
public final class RunFileJsonSchema {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** What {@link RunFile} takes as the place of an item. */
    private static final String PLACE = "[1-9][0-9]?";

    private static final String NAME = "[^.]+";

    private RunFileJsonSchema() {}

    /** The schema, indented, ended by a line end. */
    public static String text() {
        ObjectNode out = MAPPER.createObjectNode()
                .put("$schema", "https://json-schema.org/draft/2020-12/schema")
                .put("title", "Foothold's run file");
        object(out, "");
        out.putArray("required").add("method");
        ObjectNode definitions = out.putObject("$defs");
        Schema.keys().forEach((path, key) -> definitions.set(definition(path), value(path, key)));
        Schema.renamed().forEach((former, now) -> definitions
                .putObject(former)
                .put("$ref", reference(now))
                .put("deprecated", true)
                .put("description", "Is called " + now + " now."));
        try {
            return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(out) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A mapping that stands at a path, which is empty or ends with a dot. */
    private static void object(ObjectNode out, String at) {
        out.put("type", "object").put("additionalProperties", false).put("minProperties", 1);
        ObjectNode names = out.putObject("properties");
        ObjectNode patterns = MAPPER.createObjectNode();
        for (String path : paths()) {
            if (path.startsWith(at)) {
                below(path.substring(at.length()), at, path, names, patterns);
            }
        }
        if (!patterns.isEmpty()) {
            out.set("patternProperties", patterns);
        }
    }

    private static List<String> paths() {
        return Stream.concat(Schema.keys().keySet().stream(), Schema.renamed().keySet().stream())
                .toList();
    }

    /** What a key adds to a mapping above it: itself with its dots, and each mapping between. */
    private static void below(String rest, String at, String path, ObjectNode names, ObjectNode patterns) {
        for (int dot = rest.indexOf('.'); dot >= 0; dot = rest.indexOf('.', dot + 1)) {
            String name = rest.substring(0, dot);
            ObjectNode into = wild(name) ? patterns : names;
            String property = wild(name) ? pattern(name) : name;
            if (!into.has(property)) {
                ObjectNode inner = into.putObject(property);
                boolean list = rest.startsWith(".#", dot);
                if (list) {
                    ArrayNode either = inner.putArray("anyOf");
                    ObjectNode items = either.addObject().put("type", "array").put("minItems", 1);
                    object(items.putObject("items"), at + name + ".#.");
                    object(either.addObject(), at + name + ".");
                } else {
                    object(inner, at + name + ".");
                }
            }
        }
        ObjectNode into = wild(rest) ? patterns : names;
        into.putObject(wild(rest) ? pattern(rest) : rest).put("$ref", reference(path));
    }

    private static boolean wild(String name) {
        return name.contains("*") || name.contains("#");
    }

    private static String pattern(String name) {
        return "^" + name.replace(".", "\\.").replace("*", NAME).replace("#", PLACE) + "$";
    }

    private static String reference(String path) {
        return "#/$defs/" + definition(path);
    }

    /** The name of a key's own definition: nothing in it needs escaping in a URI. */
    private static String definition(String path) {
        return path.replace("*", "NAME").replace("#", "N");
    }

    private static ObjectNode value(String path, Key key) {
        ObjectNode out = MAPPER.createObjectNode().put("description", key.help());
        switch (key.type()) {
            case TEXT -> {
                if (path.equals("method")) {
                    words(out, RunFile.presets());
                } else if (!key.allowed().isEmpty()) {
                    words(out, key.allowed());
                } else {
                    // YAML takes 12, true and nothing at all for something else than text; a run file takes them as
                    // they are written.
                    out.putArray("type")
                            .add("string")
                            .add("number")
                            .add("boolean")
                            .add("null");
                }
            }
            case FLAG -> out.put("type", "boolean");
            case INTEGER, NUMBER -> number(out, key);
        }
        fallback(out, key);
        return out;
    }

    private static void number(ObjectNode out, Key key) {
        ObjectNode number =
                key.allowed().isEmpty() ? out : out.putArray("anyOf").addObject();
        number.put("type", key.type() == Key.Type.INTEGER ? "integer" : "number");
        Key.Range range = Objects.requireNonNull(key.range());
        limit(number, range.open() ? "exclusiveMinimum" : "minimum", range.least());
        limit(number, range.openAbove() ? "exclusiveMaximum" : "maximum", range.most());
        if (!key.allowed().isEmpty()) {
            words(out.withArray("anyOf").addObject(), key.allowed());
        }
    }

    private static void limit(ObjectNode out, String name, double value) {
        if (value == Math.rint(value)) {
            out.put(name, (long) value);
        } else {
            out.put(name, value);
        }
    }

    private static void words(ObjectNode out, List<String> allowed) {
        ArrayNode words = out.putArray("enum");
        allowed.forEach(words::add);
    }

    private static void fallback(ObjectNode out, Key key) {
        String fallback = key.fallback();
        if (fallback == null) {
            return;
        }
        switch (key.type()) {
            case FLAG -> out.put("default", Boolean.parseBoolean(fallback));
            case TEXT -> out.put("default", fallback);
            case INTEGER, NUMBER -> {
                if (key.allowed().contains(fallback)) {
                    out.put("default", fallback);
                } else if (key.type() == Key.Type.INTEGER) {
                    out.put("default", Long.parseLong(fallback));
                } else {
                    out.put("default", Double.parseDouble(fallback));
                }
            }
        }
    }
}
