package io.foothold.augmentation.grpc;

import io.foothold.contracts.draw.Selection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** The selections that were handed over last, by digest. Thread-safe. */
final class Selections {
    private static final int REMEMBERED = 64;

    /** Least recently used first. */
    private final Map<String, Selection> known = new LinkedHashMap<>(16, 0.75f, true);

    synchronized void put(Selection selection) {
        known.put(selection.digest(), selection);
        if (known.size() > REMEMBERED) {
            known.remove(known.keySet().iterator().next());
        }
    }

    synchronized Optional<Selection> get(String digest) {
        return Optional.ofNullable(known.get(digest));
    }
}
