package io.foothold.contracts.flow;

import java.time.Duration;

/**
 * Limits of a credited stream.
 *
 * @param window results that may be on their way to us
 * @param maxQueued pieces of work that may wait for credit before {@link CreditedStream#submit} blocks
 * @param deadline time a piece of work may take from when it is queued, reconnections included
 * @param firstBackoff pause before the second attempt to open the stream; doubles up to {@code maxBackoff}
 * @param maxBackoff longest pause
 * @param patience how long a service may be away before all work fails: it cannot be reached, or a stream was opened and not
 *     even its first credit came; such a stream is opened again after a quarter of it, and after 30 seconds at the latest
 * @param answer time from sending a piece of work to its last result, on one connection
 */
public record StreamLimits(
        int window,
        int maxQueued,
        Duration deadline,
        Duration firstBackoff,
        Duration maxBackoff,
        Duration patience,
        Duration answer) {
    private static final Duration FIRST_CREDIT = Duration.ofSeconds(30);

    /** Limits of which the deadline is the only one of a piece of work. */
    public StreamLimits(int window, int maxQueued, Duration deadline, Duration firstBackoff, Duration maxBackoff) {
        this(window, maxQueued, deadline, firstBackoff, maxBackoff, deadline, deadline);
    }

    /** How long a stream may be open without its first credit before it is opened again. */
    Duration firstCredit() {
        Duration quarter = patience.dividedBy(4);
        return quarter.compareTo(FIRST_CREDIT) < 0 ? quarter : FIRST_CREDIT;
    }

    /** Limits fit for services on one machine. */
    public static StreamLimits standard() {
        return new StreamLimits(256, 64, Duration.ofMinutes(10), Duration.ofMillis(50), Duration.ofSeconds(5))
                .withPatience(Duration.ofMinutes(5));
    }

    /** The same with another deadline, and as long for an answer unless that has a time of its own. */
    public StreamLimits withDeadline(Duration value) {
        Duration whole = answer.equals(deadline) ? value : answer;
        return new StreamLimits(window, maxQueued, value, firstBackoff, maxBackoff, patience, whole);
    }

    /** The same with another patience. */
    public StreamLimits withPatience(Duration value) {
        return new StreamLimits(window, maxQueued, deadline, firstBackoff, maxBackoff, value, answer);
    }

    /** The same with another time for an answer. */
    public StreamLimits withAnswer(Duration value) {
        return new StreamLimits(window, maxQueued, deadline, firstBackoff, maxBackoff, patience, value);
    }
}
