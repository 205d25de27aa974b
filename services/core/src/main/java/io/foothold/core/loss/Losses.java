package io.foothold.core.loss;

import io.foothold.core.keys.Keys;
import io.foothold.core.keys.Section;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;

/** All losses, by their names. Thread-safe. */
public final class Losses {
    private static final Map<String, LossKind<?>> KINDS = found();

    private Losses() {}

    /** The names of all losses, in order: what a run file's {@code loss.name} may be. */
    public static List<String> names() {
        return List.copyOf(KINDS.keySet());
    }

    /** The words that earlier versions had for some of them. */
    public static List<String> formerNames() {
        return KINDS.values().stream()
                .map(LossKind::formerly)
                .filter(word -> !word.isEmpty())
                .toList();
    }

    /** The records of settings that losses have of their own. */
    public static List<Class<? extends Record>> records() {
        List<Class<? extends Record>> out = new ArrayList<>();
        KINDS.values().stream()
                .map(LossKind::settings)
                .filter(type -> type != LossKind.None.class && !out.contains(type))
                .forEach(out::add);
        return out;
    }

    /**
     * The loss of that name, or of a word that earlier versions had for it.
     *
     * @throws IllegalArgumentException for a name that is none of {@link #names}
     */
    public static LossKind<?> kind(String name) {
        for (LossKind<?> kind : KINDS.values()) {
            if (kind.name().equals(name) || (!name.isEmpty() && kind.formerly().equals(name))) {
                return kind;
            }
        }
        throw new IllegalArgumentException(
                "unknown loss '" + name + "' (expected one of " + String.join(", ", names()) + ")");
    }

    /**
     * A loss from what a learner is told.
     *
     * @param own values of its own keys, by their paths; those that are absent have their defaults
     * @throws IllegalArgumentException for an unknown name or key, and for values out of range
     */
    public static PolicyLoss of(String name, Clips clips, Map<String, String> own) {
        return of(kind(name), clips, own);
    }

    private static <S extends Record> PolicyLoss of(LossKind<S> kind, Clips clips, Map<String, String> own) {
        return kind.loss(Keys.read(kind.settings(), own), clips);
    }

    /** Settings by their records, such as those of a run. */
    @FunctionalInterface
    public interface Settings {
        /** The settings of a record. */
        <R extends Record> R of(Class<R> type);
    }

    /** The loss of that name, by the settings of its own. */
    public static PolicyLoss of(String name, Clips clips, Settings settings) {
        return of(kind(name), clips, settings);
    }

    private static <S extends Record> PolicyLoss of(LossKind<S> kind, Clips clips, Settings settings) {
        return kind.loss(own(kind, settings), clips);
    }

    /** Checks the settings that the loss of that name has of its own; see {@link LossKind#check}. */
    public static void check(String name, Settings settings) {
        check(kind(name), settings);
    }

    private static <S extends Record> void check(LossKind<S> kind, Settings settings) {
        kind.check(own(kind, settings));
    }

    /** The values of the settings that the loss of that name has of its own, by their paths. */
    public static Map<String, String> ownValues(String name, Settings settings) {
        return Keys.values(own(kind(name), settings));
    }

    private static <S extends Record> S own(LossKind<S> kind, Settings settings) {
        return kind.settings().isAnnotationPresent(Section.class)
                ? settings.of(kind.settings())
                : Keys.read(kind.settings(), Map.of());
    }

    @SuppressWarnings("rawtypes") // A service is found by its class, which knows no parameter.
    private static Map<String, LossKind<?>> found() {
        List<LossKind<?>> all = new ArrayList<>();
        for (LossKind kind : ServiceLoader.load(LossKind.class, LossKind.class.getClassLoader())) {
            all.add(kind);
        }
        // Those that were there first stand first.
        all.sort(Comparator.comparing((LossKind<?> kind) -> kind.formerly().isEmpty())
                .thenComparing(LossKind::name));
        Map<String, LossKind<?>> out = new LinkedHashMap<>();
        all.forEach(kind -> out.put(kind.name(), kind));
        return out;
    }
}
