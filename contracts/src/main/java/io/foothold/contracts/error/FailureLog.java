package io.foothold.contracts.error;

import org.jboss.logging.Logger;

/**
 * Says a failure in the log where it is translated: once, however many edges it passes. A defect of ours comes with its stack trace
 * at ERROR; what a peer, a caller or data caused is one line at WARN; a cancellation is no failure and is told at DEBUG. Thread-safe.
 */
public final class FailureLog {
    private FailureLog() {}

    /**
     * Tells a failure and gives it back as ours.
     *
     * @param what what failed, with the names that a reader needs: run, update, rollout, peer
     * @param failure anything; translated with {@link FootholdException#of}
     */
    public static FootholdException told(Logger log, String what, Throwable failure) {
        FootholdException own = FootholdException.of(failure);
        if (!own.firstTelling()) {
            return own;
        }
        switch (own.code()) {
            case INTERNAL -> log.errorf(own, "%s: %s", what, own.text());
            case CANCELLED -> log.debugf("%s: %s", what, own.text());
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
                    PEER_UNAVAILABLE,
                    DEADLINE,
                    DRAINING,
                    STORAGE -> {
                log.warnf("%s: %s (%s)", what, own.text(), own.code());
                log.debugf(own, "%s", what);
            }
        }
        return own;
    }
}
