package io.foothold.orchestrator.runfile;

import io.foothold.core.keys.Key;
import io.foothold.core.keys.Keys;
import io.foothold.core.method.ChosenMethod;
import io.foothold.core.settings.RunSettings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Every key of a run file, as the records of core's settings and of its methods say. Keys are dotted paths; {@code *} stands for any name,
 * {@code #} for the place of an item in a list, from 1.
 */
public final class Schema {
    private static final String SUPPORT =
            " restricts what training samples from, and its gradient is right only over the tokens that were kept, which no inference "
                    + "server returns: set it under 'evaluation.sampling', which trains nothing, or lower sampling.temperature";

    /** Keys that one may look for and that are not there, with the reason. */
    private static final Map<String, String> MISSING = Map.of(
            "sampling.top_p", SUPPORT,
            "sampling.top_k", SUPPORT,
            "sampling.min_p", SUPPORT,
            "learner.torch.hosts",
                    " is no setting: the ranks of a run are processes of one host, and several hosts were never tried (expected "
                            + "learner.torch.processes)");

    private static final Map<String, Key> KEYS = Collections.unmodifiableMap(Keys.of(records()));
    private static final Map<String, String> RENAMED = formerNames();

    private Schema() {}

    /** All keys in order. */
    public static Map<String, Key> keys() {
        return KEYS;
    }

    /** The name that a key has now. */
    static String current(String path) {
        return RENAMED.getOrDefault(path, path);
    }

    /** Former names of keys, with what they are called now. */
    static Map<String, String> renamed() {
        return RENAMED;
    }

    /** Whether a run may go on with another value of this key: it says on what the run is computed and not what. */
    static boolean ofMachine(String path) {
        Key key = KEYS.get(path);
        return key != null && key.origin().ofMachine();
    }

    /** Why there is no such key, where that needs saying. */
    static @Nullable String missing(String path) {
        return MISSING.get(path);
    }

    /** Whether the value of a key is a list of mappings. */
    static boolean isList(String path) {
        return KEYS.keySet().stream().anyMatch(key -> key.startsWith(path + ".#."));
    }

    private static List<Class<? extends Record>> records() {
        List<Class<? extends Record>> out = new ArrayList<>(RunSettings.records());
        out.addAll(ChosenMethod.records());
        return out;
    }

    private static Map<String, String> formerNames() {
        Map<String, String> out = new LinkedHashMap<>();
        KEYS.forEach((path, key) -> {
            if (!key.origin().formerly().isEmpty()) {
                out.put(key.origin().formerly(), path);
            }
        });
        return Collections.unmodifiableMap(out);
    }
}
