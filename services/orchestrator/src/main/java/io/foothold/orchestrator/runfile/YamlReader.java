package io.foothold.orchestrator.runfile;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.keys.SettingsException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.DocumentEndEvent;
import org.snakeyaml.engine.v2.events.DocumentStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.MappingEndEvent;
import org.snakeyaml.engine.v2.events.MappingStartEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.events.SequenceEndEvent;
import org.snakeyaml.engine.v2.events.SequenceStartEvent;
import org.snakeyaml.engine.v2.events.StreamEndEvent;
import org.snakeyaml.engine.v2.events.StreamStartEvent;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/**
 * Reads the part of YAML that a run file is made of: one document, mappings, scalars taken as text, and lists of mappings where the
 * schema has them. Other lists, tags, several documents, aliases of anything but a value and control characters are refused with their line. Works on the parser's events,
 * so that neither depth nor aliases make more of a text than it is long; time is linear in the length.
 */
final class YamlReader {
    /** No key lies as deep; what nests deeper is refused before the stack is used up. */
    private static final int DEEPEST = 8;

    /**
     * A value and where it stands.
     *
     * @param path dotted path of its key
     * @param line from 1
     */
    record Entry(String path, int line, String value) {}

    private final String where;
    private final Iterator<Event> events;
    private final Map<String, String> anchors = new HashMap<>();
    private final List<Entry> entries = new ArrayList<>();

    private YamlReader(String where, Iterator<Event> events) {
        this.where = where;
        this.events = events;
    }

    /**
     * The values of a text in their order.
     *
     * @param where name of the file in messages
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} when it is not of the form above
     */
    static List<Entry> read(String where, String text) {
        String body = text.startsWith("\ufeff") ? text.substring(1) : text;
        checkCharacters(where, body);
        // The parser moves the rest of its window whenever it refills it, which is quadratic on long lines: the window
        // holds the whole text, so that it is filled once.
        LoadSettings settings = LoadSettings.builder()
                .setBufferSize(body.length() + 2)
                .setCodePointLimit(Integer.MAX_VALUE)
                .build();
        YamlReader reader =
                new YamlReader(where, new Parse(settings).parseString(body).iterator());
        try {
            reader.stream();
        } catch (MarkedYamlEngineException e) {
            throw invalid(
                    where + e.getProblemMark().map(m -> ":" + (m.getLine() + 1)).orElse("") + ": "
                            + SettingsException.shown(e.getProblem()));
        } catch (YamlEngineException e) {
            throw invalid(where + ": " + SettingsException.shown(String.valueOf(e.getMessage())));
        }
        return reader.entries;
    }

    private void stream() {
        int documents = 0;
        while (events.hasNext()) {
            Event event = events.next();
            switch (event) {
                case StreamStartEvent start -> {}
                case StreamEndEvent end -> {}
                case DocumentEndEvent end -> {}
                case DocumentStartEvent start -> {
                    if (++documents > 1) {
                        throw refused(event, "a run file is one document, a second one begins here");
                    }
                }
                case ScalarEvent empty
                when empty.isPlain() && empty.getValue().isEmpty() -> checkTag(event, empty.getTag());
                case MappingStartEvent map -> {
                    checkTag(event, map.getTag());
                    mapping("", 1);
                }
                default -> throw refused(event, "a run file is a mapping from keys to values");
            }
        }
    }

    private void mapping(String path, int depth) {
        for (Event key = events.next(); !(key instanceof MappingEndEvent); key = events.next()) {
            if (!(key instanceof ScalarEvent name)) {
                throw refused(key, "a key must be a word");
            }
            checkTag(key, name.getTag());
            remember(name);
            value(path.isEmpty() ? name.getValue() : path + "." + name.getValue(), line(key), depth);
        }
    }

    private void value(String path, int line, int depth) {
        Event event = events.next();
        switch (event) {
            case ScalarEvent scalar -> {
                checkTag(event, scalar.getTag());
                remember(scalar);
                add(event, path, line, scalar.getValue());
            }
            case AliasEvent alias -> {
                String value = anchors.get(alias.getAlias().getValue());
                if (value == null) {
                    throw refused(
                            event,
                            "*" + SettingsException.shown(alias.getAlias().getValue())
                                    + " is not the name of a value above");
                }
                add(event, path, line, value);
            }
            case MappingStartEvent map -> {
                checkTag(event, map.getTag());
                if (depth >= DEEPEST) {
                    throw refused(event, "no key lies deeper than " + DEEPEST + " mappings");
                }
                int before = entries.size();
                mapping(path, depth + 1);
                if (entries.size() == before) {
                    throw invalid(where + ":" + line + ": '" + SettingsException.shown(path) + "' is empty");
                }
            }
            case SequenceStartEvent list -> {
                checkTag(event, list.getTag());
                if (!Schema.isList(path)) {
                    throw refused(
                            event, "'" + SettingsException.shown(path) + "' must be a value or a mapping, not a list");
                }
                list(path, line, depth);
            }
            default -> throw refused(event, "'" + SettingsException.shown(path) + "' has no value");
        }
    }

    /** The items of a list are mappings; their place counts from 1. */
    private void list(String path, int line, int depth) {
        int place = 0;
        for (Event item = events.next(); !(item instanceof SequenceEndEvent); item = events.next()) {
            if (!(item instanceof MappingStartEvent map)) {
                throw refused(item, "an item of '" + SettingsException.shown(path) + "' must be a mapping");
            }
            checkTag(item, map.getTag());
            place++;
            int before = entries.size();
            mapping(path + "." + place, depth + 1);
            if (entries.size() == before) {
                throw refused(item, "an item of '" + SettingsException.shown(path) + "' is empty");
            }
        }
        if (place == 0) {
            throw invalid(where + ":" + line + ": '" + SettingsException.shown(path) + "' is empty");
        }
    }

    private void add(Event event, String path, int line, String value) {
        checkText(where + ":" + line(event) + ": '" + SettingsException.shown(path) + "'", value);
        entries.add(new Entry(path, line, value));
    }

    private void remember(ScalarEvent scalar) {
        scalar.getAnchor().ifPresent(anchor -> anchors.put(anchor.getValue(), scalar.getValue()));
    }

    private void checkTag(Event event, Optional<String> tag) {
        if (tag.isPresent()) {
            throw refused(event, "a run file has no tags such as " + SettingsException.shown(tag.get()));
        }
    }

    private FootholdException refused(Event event, String why) {
        return invalid(where + ":" + line(event) + ": " + why);
    }

    private static int line(Event event) {
        return event.getStartMark().map(Mark::getLine).orElse(0) + 1;
    }

    private static void checkCharacters(String where, String text) {
        int line = 1;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\n') {
                line++;
            }
            boolean stray = strayAt(text, i) || (c >= 0x7f && c < 0xa0 && c != 0x85) || c == '\ufffe' || c == '\uffff';
            if (stray) {
                throw invalid(where + ":" + line + ": " + named(c) + " cannot stand in a run file");
            }
            if (Character.isHighSurrogate(c)) {
                i++;
            }
        }
    }

    /**
     * Checks a value, wherever it came from: tabs and line ends are the only control characters, and surrogates come in pairs.
     *
     * @param what begin of the message
     */
    static void checkText(String what, String value) {
        for (int i = 0; i < value.length(); i++) {
            if (strayAt(value, i)) {
                throw invalid(what + " holds " + named(value.charAt(i)) + ", which no setting can");
            }
            if (Character.isHighSurrogate(value.charAt(i))) {
                i++;
            }
        }
    }

    private static boolean strayAt(String text, int i) {
        char c = text.charAt(i);
        if (Character.isHighSurrogate(c)) {
            return i + 1 == text.length() || !Character.isLowSurrogate(text.charAt(i + 1));
        }
        return Character.isLowSurrogate(c) || (c < ' ' && c != '\t' && c != '\n' && c != '\r');
    }

    private static String named(char c) {
        return String.format("the character U+%04X", (int) c);
    }

    private static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }
}
