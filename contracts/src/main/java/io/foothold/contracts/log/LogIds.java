package io.foothold.contracts.log;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jboss.logging.MDC;
import org.jspecify.annotations.Nullable;

/**
 * The ids that every log line of a thread carries while this is open, in the mapped diagnostic context. Threads that are begun meanwhile
 * carry them too. Closing puts back what was there before; belongs to the thread that made it.
 */
public final class LogIds implements AutoCloseable {
    /** Key of a run's id. */
    public static final String RUN = "run";

    /** Key of the number of the update that is worked for. */
    public static final String UPDATE = "update";

    /** Key of a group's id. */
    public static final String GROUP = "group";

    /** Key of a rollout's id. */
    public static final String ROLLOUT = "rollout";

    private record Before(String key, @Nullable Object value) {}

    private final Deque<Before> before = new ArrayDeque<>();

    private LogIds() {}

    /** Carries a run's id. */
    public static LogIds ofRun(String id) {
        return new LogIds().put(RUN, id);
    }

    /** Carries a group's id. */
    public static LogIds ofGroup(String id) {
        return new LogIds().put(GROUP, id);
    }

    /** Carries a rollout's id. */
    public static LogIds ofRollout(String id) {
        return new LogIds().put(ROLLOUT, id);
    }

    /** Carries the number of the update that is worked for, too. */
    public LogIds update(long number) {
        return put(UPDATE, Long.toString(number));
    }

    private LogIds put(String key, String value) {
        before.push(new Before(key, MDC.get(key)));
        MDC.put(key, value);
        return this;
    }

    @Override
    public void close() {
        for (Before was = before.poll(); was != null; was = before.poll()) {
            if (was.value() == null) {
                MDC.remove(was.key());
            } else {
                MDC.put(was.key(), was.value());
            }
        }
    }
}
