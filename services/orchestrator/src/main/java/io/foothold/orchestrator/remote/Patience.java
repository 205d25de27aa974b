package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.util.function.Supplier;
import org.jboss.logging.Logger;

/**
 * Repeats a call whose service is away, with pauses that grow from 0.2 to 5 seconds, until it answers, patience is over, or the run is
 * asked to stop. Thread-safe.
 */
public final class Patience {
    private static final Logger LOG = Logger.getLogger(Patience.class);
    private static final Duration FIRST = Duration.ofMillis(200);
    private static final Duration LONGEST = Duration.ofSeconds(5);

    private final Duration limit;
    private final StopSignal stop;
    private final Waits waits;

    /**
     * Patience.
     *
     * @param limit time from the first failure of a call after which its failure stands
     * @param stop ends it; its clock is that of the pauses
     */
    public Patience(Duration limit, StopSignal stop, Waits waits) {
        this.limit = limit;
        this.stop = stop;
        this.waits = waits;
    }

    /** Whether a failure says that the service was away, not that it refused: the same call can succeed later. */
    public static boolean away(FootholdException failure) {
        return switch (failure.code()) {
            case PEER_UNAVAILABLE, DEADLINE, DRAINING -> true;
            // A service that shuts down cancels the calls that it serves.
            case CANCELLED -> failure.ofConnection();
            case INVALID_INPUT,
                    INVALID_DATA,
                    TOO_LARGE,
                    UNAUTHENTICATED,
                    FORBIDDEN,
                    NOT_FOUND,
                    CONFLICT,
                    WRONG_STATE,
                    NO_CREDIT,
                    NO_VERDICT,
                    STORAGE,
                    INTERNAL -> false;
        };
    }

    /**
     * Makes a call, repeatedly where need be.
     *
     * @param service name and address, as people look for it
     * @throws FootholdException the call's refusal, or its last failure once patience is over
     */
    public <T> T call(String service, Supplier<T> call) {
        long lostAt = 0;
        boolean lost = false;
        Duration pause = FIRST;
        while (true) {
            stop.check();
            try {
                T value = call.get();
                if (lost) {
                    Duration after = Duration.ofNanos(stop.clock().nanos() - lostAt);
                    LOG.infof("%s is there again after %d s", service, after.toSeconds());
                    waits.found(service, after);
                }
                return value;
            } catch (FootholdException e) {
                stop.check();
                if (!away(e)) {
                    throw e;
                }
                if (!lost) {
                    lost = true;
                    lostAt = stop.clock().nanos();
                    LOG.warnf("%s is away, the call is repeated for %d s: %s", service, limit.toSeconds(), e.text());
                    waits.lost(service, e.text());
                }
                if (stop.clock().nanos() - lostAt > limit.toNanos()) {
                    throw new FootholdException(
                            e.code(), service + " was away for more than " + limit.toSeconds() + " s: " + e.text(), e);
                }
                stop.sleep(pause);
                pause = pause.multipliedBy(2).compareTo(LONGEST) > 0 ? LONGEST : pause.multipliedBy(2);
            }
        }
    }

    /** How long a run waits for a service that is away. */
    public Duration limit() {
        return limit;
    }
}
