package io.foothold.sampler.triton;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import org.jspecify.annotations.Nullable;

/**
 * Who may publish policies: one publisher at a time. It holds the servers from its first publication on until it lets go. Nobody has to
 * clean up after one that died: a later incarnation of its run takes over at once, any other publisher once nothing was heard of it
 * for the length of a lease. Thread-safe.
 */
public final class PublisherHold {
    /**
     * One process of one run.
     *
     * @param runId the run
     * @param incarnation how often the run was resumed
     * @param token what only this process knows
     */
    public record Publisher(String runId, long incarnation, String token) {
        /** Checks that it says who it is. */
        public Publisher {
            if (runId.isEmpty() || token.isEmpty() || incarnation < 0) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "a publisher needs a run_id, an incarnation of at least 0 and a token, got run_id '" + runId
                                + "', incarnation " + incarnation + (token.isEmpty() ? " and no token" : ""));
            }
        }
    }

    private final Duration lease;
    private final InstantSource clock;
    private @Nullable Publisher holder;
    private Instant heard = Instant.MIN;
    private int publishing;

    /**
     * Held by nobody.
     *
     * @param lease how long a holder that says nothing keeps the servers
     */
    public PublisherHold(Duration lease, InstantSource clock) {
        this.lease = lease;
        this.clock = clock;
    }

    /**
     * Begins a publication; {@link #published} ends it. Gives whether the publisher held the servers already.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when another publisher holds them, naming its run
     */
    public synchronized boolean publishing(Publisher publisher) {
        Publisher now = holder;
        boolean mine = publisher.equals(now);
        if (now != null && !mine && !free(now, publisher)) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "run " + now.runId() + " publishes to these inference servers"
                            + (now.runId().equals(publisher.runId())
                                    ? ", from another process (incarnation " + now.incarnation() + ", this is "
                                            + publisher.incarnation() + ")"
                                    : "; run " + publisher.runId() + " may once it has ended")
                            + ", or " + lease.toSeconds() + " s after it was last heard of");
        }
        holder = publisher;
        publishing++;
        return mine;
    }

    private boolean free(Publisher now, Publisher next) {
        return next.runId().equals(now.runId()) && next.incarnation() > now.incarnation()
                || publishing == 0 && clock.instant().isAfter(heard.plus(lease));
    }

    /** A publication that was begun is over, however it went. */
    public synchronized void published() {
        publishing--;
        heard = clock.instant();
    }

    /** Lets go; nothing happens when somebody else holds the servers. */
    public synchronized void release(Publisher publisher) {
        if (publisher.equals(holder)) {
            holder = null;
        }
    }
}
