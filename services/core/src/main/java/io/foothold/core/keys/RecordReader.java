package io.foothold.core.keys;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** Makes records of settings from the values of a run file, which have been checked against their {@link Key}s. */
public final class RecordReader {
    private final Map<String, String> values;

    /**
     * A reader.
     *
     * @param values of all keys by their paths
     */
    public RecordReader(Map<String, String> values) {
        this.values = values;
    }

    /** The record of that class. */
    public <R extends Record> R read(Class<R> type) {
        Section section = type.getAnnotation(Section.class);
        return type.cast(read(type, section == null ? "" : Keys.below(section.value())));
    }

    /** What reflection says of a record: looked up once, as every start of a run reads all of them. */
    private record Shape(List<Part> parts, Constructor<?> constructor) {
        private static final ClassValue<Shape> ALL = new ClassValue<>() {
            @Override
            protected Shape computeValue(Class<?> type) {
                return of(type);
            }
        };

        private record Part(RecordComponent component, boolean inline, String name) {}

        private static Shape of(Class<?> type) {
            RecordComponent[] components = type.getRecordComponents();
            try {
                Constructor<?> constructor = type.getDeclaredConstructor(
                        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new));
                constructor.setAccessible(true);
                return new Shape(
                        Arrays.stream(components)
                                .map(c -> new Part(c, c.isAnnotationPresent(Inline.class), Keys.name(c)))
                                .toList(),
                        constructor);
            } catch (NoSuchMethodException e) {
                throw new IllegalStateException("cannot make a " + type.getName(), e);
            }
        }
    }

    private Object read(Class<?> type, String at) {
        Shape shape = Shape.ALL.get(type);
        Object[] arguments = shape.parts().stream()
                .map(part -> part.inline()
                        ? read(part.component().getType(), at)
                        : component(part.component(), at + part.name()))
                .toArray();
        try {
            return shape.constructor().newInstance(arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause() instanceof RuntimeException own ? own : new IllegalStateException(e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("cannot make a " + type.getName(), e);
        }
    }

    private Object component(RecordComponent component, String path) {
        Class<?> type = component.getType();
        if (type.isRecord()) {
            return read(type, path + ".");
        }
        if (Keys.isValue(component)) {
            return value(type, text(path));
        }
        Class<?> element = Keys.element(component);
        if (type == List.class) {
            List<Object> items = new ArrayList<>();
            for (int i = 1; holds(path + "." + i + "."); i++) {
                items.add(read(element, path + "." + i + "."));
            }
            return List.copyOf(items);
        }
        Map<String, Object> out = new LinkedHashMap<>();
        for (String name : names(path + ".")) {
            out.put(name, element.isRecord() ? read(element, path + "." + name + ".") : text(path + "." + name));
        }
        return out;
    }

    private boolean holds(String below) {
        return values.keySet().stream().anyMatch(path -> path.startsWith(below));
    }

    private List<String> names(String below) {
        return values.keySet().stream()
                .filter(path -> path.startsWith(below))
                .map(path -> path.substring(below.length()).split("\\.", 2)[0])
                .distinct()
                .toList();
    }

    private String text(String path) {
        String value = values.get(path);
        if (value == null) {
            throw new IllegalArgumentException("no value of " + path);
        }
        return value;
    }

    private static Object value(Class<?> type, String text) {
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants())
                    .filter(constant -> Keys.word(constant).equals(text))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException(text + " is no " + type.getSimpleName()));
        }
        return switch (type.getSimpleName()) {
            case "boolean" -> Boolean.parseBoolean(text);
            case "int" -> Math.toIntExact(Long.parseLong(text));
            case "long" -> Long.parseLong(text);
            case "double" -> Double.parseDouble(text);
            case "OptionalInt" ->
                text.equals(Setting.AUTO) ? OptionalInt.empty() : OptionalInt.of(Math.toIntExact(Long.parseLong(text)));
            case "OptionalDouble" ->
                text.equals(Setting.AUTO) ? OptionalDouble.empty() : OptionalDouble.of(Double.parseDouble(text));
            case "List" -> text.equals(Setting.AUTO) ? List.of() : names(text, ",");
            case "String" -> text;
            default -> throw new IllegalArgumentException("no setting can be a " + type.getName());
        };
    }

    private static List<String> names(String text, String between) {
        return Arrays.stream(text.split(between, -1))
                .map(String::strip)
                .filter(name -> !name.isEmpty())
                .toList();
    }
}
