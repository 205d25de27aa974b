package io.foothold.core.keys;

import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The keys that records of settings stand for. Keys are dotted paths; {@code *} stands for any name, {@code #} for the place of an item
 * in a list, from 1.
 */
public final class Keys {
    private Keys() {}

    /**
     * All keys, in the order of the records and their components.
     *
     * @throws IllegalArgumentException for a record that is no record of settings, and for a key that two of them have
     */
    public static Map<String, Key> of(List<Class<? extends Record>> records) {
        Map<String, Key> out = new LinkedHashMap<>();
        for (Class<? extends Record> type : records) {
            add(out, type, below(group(type)), "");
        }
        return out;
    }

    /**
     * A record from values of some of its keys; the others have their defaults.
     *
     * @param values by their paths
     * @throws IllegalArgumentException for a path that is no key of the record, or a value that its key cannot have
     */
    public static <R extends Record> R read(Class<R> type, Map<String, String> values) {
        Map<String, Key> keys = new LinkedHashMap<>();
        Section section = type.getAnnotation(Section.class);
        if (section != null) {
            add(keys, type, below(section.value()), "");
        }
        Map<String, String> all = new LinkedHashMap<>();
        keys.forEach((path, key) -> {
            if (key.fallback() != null) {
                all.put(path, key.fallback());
            }
        });
        values.forEach((path, value) -> {
            Key key = keys.get(path);
            if (key == null) {
                throw new IllegalArgumentException(
                        "unknown setting '" + path + "' (expected one of " + String.join(", ", keys.keySet()) + ")");
            }
            Key.Range range = key.range();
            if (range != null && !range.holds(Double.parseDouble(value))) {
                throw new IllegalArgumentException("'" + path + "' must be " + range.words() + ", is " + value);
            }
            all.put(path, value);
        });
        return new RecordReader(all).read(type);
    }

    /** The values of a record whose components are all single ones, by their paths. */
    public static Map<String, String> values(Record settings) {
        Map<String, String> out = new LinkedHashMap<>();
        for (RecordComponent component : settings.getClass().getRecordComponents()) {
            try {
                component.getAccessor().setAccessible(true);
                Object value = component.getAccessor().invoke(settings);
                out.put(
                        below(group(settings.getClass())) + name(component),
                        value instanceof Enum<?> ? word(value) : String.valueOf(value));
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("cannot read " + settings, e);
            }
        }
        return out;
    }

    /** Where the keys of a record lie. */
    static String group(Class<? extends Record> type) {
        Section section = type.getAnnotation(Section.class);
        if (section == null) {
            throw new IllegalArgumentException(type.getName() + " has no @Section");
        }
        return section.value();
    }

    /** What is put in front of keys below a path. */
    static String below(String path) {
        return path.isEmpty() ? "" : path + ".";
    }

    /** The name of a component's key. */
    static String name(RecordComponent component) {
        return component.getName().replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
    }

    /** The word of an enum's constant. */
    static String word(Object constant) {
        return ((Enum<?>) constant).name().toLowerCase(Locale.ROOT);
    }

    /** The type of a list's items or a map's values. */
    static Class<?> element(RecordComponent component) {
        Type[] arguments = ((ParameterizedType) component.getGenericType()).getActualTypeArguments();
        return (Class<?>) arguments[arguments.length - 1];
    }

    /** Whether a component is one value of a run file, and not a mapping or a list of mappings. */
    static boolean isValue(RecordComponent component) {
        Class<?> type = component.getType();
        return !type.isRecord() && type != Map.class && !(type == List.class && element(component) != String.class);
    }

    private static void add(Map<String, Key> out, Class<?> type, String at, String before) {
        for (RecordComponent component : type.getRecordComponents()) {
            if (component.isAnnotationPresent(Inline.class)) {
                add(out, component.getType(), at, before);
                continue;
            }
            Setting setting = component.getAnnotation(Setting.class);
            String path = at + name(component);
            if (component.getType().isRecord()) {
                add(out, component.getType(), path + ".", lead(setting, before));
            } else if (component.getType() == List.class && !isValue(component)) {
                add(out, element(component), path + ".#.", lead(setting, before));
            } else if (component.getType() == Map.class && element(component).isRecord()) {
                add(out, element(component), path + ".*.", lead(setting, before));
            } else {
                Setting given =
                        Objects.requireNonNull(setting, () -> type.getName() + ": " + path + " has no @Setting");
                if (component.getType() == Map.class) {
                    for (String key : given.keys()) {
                        put(
                                out,
                                path + "." + key,
                                key(component, given, given.help().replace("{key}", key)));
                    }
                } else {
                    put(out, path, key(component, given, before + given.help()));
                }
            }
        }
    }

    private static String lead(@Nullable Setting setting, String before) {
        return setting == null || setting.help().isEmpty() ? before : before + setting.help() + ": ";
    }

    private static void put(Map<String, Key> out, String path, Key key) {
        if (out.put(path, key) != null) {
            throw new IllegalArgumentException("two records have the key " + path);
        }
    }

    private static Key key(RecordComponent component, Setting setting, String help) {
        Key.Type type = type(component.getType());
        String fallback = setting.fallback().equals(Setting.REQUIRED) ? null : setting.fallback();
        return new Key(
                type,
                fallback,
                words(component, setting),
                type == Key.Type.INTEGER || type == Key.Type.NUMBER ? range(component, setting) : null,
                help,
                new Key.Origin(setting.source(), setting.formerly(), setting.ofMachine()));
    }

    private static Key.Type type(Class<?> type) {
        if (type == boolean.class) {
            return Key.Type.FLAG;
        }
        if (type == int.class || type == long.class || type == OptionalInt.class) {
            return Key.Type.INTEGER;
        }
        return type == double.class || type == OptionalDouble.class ? Key.Type.NUMBER : Key.Type.TEXT;
    }

    private static List<String> words(RecordComponent component, Setting setting) {
        Class<?> type = component.getType();
        if (type == boolean.class) {
            return List.of("true", "false");
        }
        if (type == OptionalInt.class || type == OptionalDouble.class) {
            return List.of(Setting.AUTO);
        }
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants()).map(Keys::word).toList();
        }
        if (setting.among() != Setting.Words.class) {
            try {
                return setting.among().getDeclaredConstructor().newInstance().words();
            } catch (ReflectiveOperationException e) {
                throw new IllegalArgumentException(setting.among().getName() + " cannot be made", e);
            }
        }
        return List.of(setting.words());
    }

    private static Key.Range range(RecordComponent component, Setting setting) {
        boolean open = !Double.isNaN(setting.above());
        boolean openAbove = !Double.isNaN(setting.below());
        double least = open ? setting.above() : setting.from();
        double most = openAbove ? setting.below() : setting.to();
        if (Double.isNaN(least) || Double.isNaN(most)) {
            throw new IllegalArgumentException(component.getDeclaringRecord().getName() + ": " + component.getName()
                    + " is a number without bounds");
        }
        return new Key.Range(least, open, most, openAbove, setting.unit());
    }
}
