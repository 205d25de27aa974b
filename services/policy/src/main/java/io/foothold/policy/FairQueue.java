package io.foothold.policy;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A queue that keeps items of one key together. Keys leave in the order in which they came; an item whose key waits joins it, and one
 * whose key is leaving already lines up again at the end, so that no key holds the others back for ever. Not thread-safe.
 *
 * @param <K> key, with equality by value
 * @param <T> item
 */
final class FairQueue<K, T> {
    private final Map<K, Deque<T>> behind = new LinkedHashMap<>();
    private Deque<T> leaving = new ArrayDeque<>();
    private int size;

    void add(K key, T item) {
        behind.computeIfAbsent(key, k -> new ArrayDeque<>()).add(item);
        size++;
    }

    /** The next item; null when there is none. */
    @Nullable
    T poll() {
        if (leaving.isEmpty()) {
            Iterator<Deque<T>> next = behind.values().iterator();
            if (!next.hasNext()) {
                return null;
            }
            leaving = next.next();
            next.remove();
        }
        size--;
        return leaving.poll();
    }

    /** Takes out the first item that fits; null when there is none. */
    @Nullable
    T remove(Predicate<T> fits) {
        T found = removeFrom(leaving, fits);
        for (Iterator<Deque<T>> items = behind.values().iterator(); found == null && items.hasNext(); ) {
            Deque<T> next = items.next();
            found = removeFrom(next, fits);
            if (next.isEmpty()) {
                items.remove();
            }
        }
        size -= found == null ? 0 : 1;
        return found;
    }

    private static <T> @Nullable T removeFrom(Deque<T> items, Predicate<T> fits) {
        for (Iterator<T> it = items.iterator(); it.hasNext(); ) {
            T item = it.next();
            if (fits.test(item)) {
                it.remove();
                return item;
            }
        }
        return null;
    }

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }
}
