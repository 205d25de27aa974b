package io.foothold.policy.chat;

import java.util.AbstractList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's {@code range} with the limit of Jinja's sandbox; Jinjava's own ends after 1,000 without a word. */
final class PythonRange {
    /** {@code MAX_RANGE} of Jinja's sandbox, in which transformers renders. */
    private static final long MOST = 100_000;

    private PythonRange() {}

    /**
     * For templates: the numbers from start to before stop.
     *
     * @param first stop, or start where more follow
     * @param more stop, and the step
     */
    static List<Long> of(@Nullable Object first, @Nullable Object... more) {
        if (more.length > 2) {
            throw new ChatTemplate.Raised("range takes at most 3 arguments, got " + (1 + more.length));
        }
        long start = more.length == 0 ? 0 : whole(first);
        long stop = whole(more.length == 0 ? first : more[0]);
        long step = more.length < 2 ? 1 : whole(more[1]);
        if (step == 0) {
            throw new ChatTemplate.Raised("range: the step is 0");
        }
        long distance = step > 0 ? stop - start : start - stop;
        long count = distance <= 0 ? 0 : (distance - 1) / Math.abs(step) + 1;
        if (count > MOST) {
            throw new ChatTemplate.Raised("range of " + count + " numbers (expected at most " + MOST + ")");
        }
        return new AbstractList<>() {
            @Override
            public Long get(int index) {
                return start + index * step;
            }

            @Override
            public int size() {
                return (int) count;
            }
        };
    }

    private static long whole(@Nullable Object value) {
        if (value instanceof Long || value instanceof Integer) {
            // Far beyond what may be counted to, and far enough from the end of long for every difference.
            return Math.clamp(((Number) value).longValue(), Long.MIN_VALUE / 4, Long.MAX_VALUE / 4);
        }
        throw new ChatTemplate.Raised("range: '" + value + "' is no whole number");
    }
}
