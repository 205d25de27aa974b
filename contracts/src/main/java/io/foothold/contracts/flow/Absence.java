package io.foothold.contracts.flow;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Locale;
import java.util.Set;
import java.util.function.Supplier;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Whether the service behind a credited stream is away, since when, and who was told so. Belongs to the stream, whose lock is held
 * whenever it is called; {@link #away} and what it says of failures may be read without it.
 */
final class Absence {
    private static final Logger LOG = Logger.getLogger(CreditedStream.class);

    private final String service;
    private final StreamTimer timer;
    private final Set<StreamCaller> told = Collections.newSetFromMap(new IdentityHashMap<>());
    private volatile boolean away;
    private volatile @Nullable Throwable reason;
    private long awaySince;
    private boolean lost;
    private long lostSince;
    /** How often it was away for longer than the patience. */
    private int tooLong;

    Absence(String service, StreamTimer timer) {
        this.service = service;
        this.timer = timer;
    }

    boolean away() {
        return away;
    }

    int tooLong() {
        return tooLong;
    }

    void failed(Throwable failure) {
        reason = failure;
    }

    /** None of its replicas is there. */
    void begins() {
        if (!away) {
            away = true;
            awaySince = timer.nanoTime();
        }
    }

    /** The time from here on is no waiting: nobody waits, or who waited was told. */
    void pauses() {
        away = false;
    }

    boolean longerThan(Duration patience) {
        return away && timer.nanoTime() - awaySince > patience.toNanos();
    }

    /** Who asks again is given the whole patience again; who is still blocked waited as long as the others. */
    void endsPatience() {
        away = false;
        tooLong++;
    }

    /** The last connection broke. */
    void lost(int underWay, String why) {
        if (!lost) {
            lost = true;
            lostSince = timer.nanoTime();
            LOG.warnf("stream to %s broke with %d pieces of work under way: %s", service, underWay, why);
        }
    }

    /** Tells those who wait and do not know it yet. */
    void tell(Set<StreamCaller> waiting, String why) {
        waiting.removeAll(told);
        told.addAll(waiting);
        timer.after(Duration.ZERO, () -> waiting.forEach(caller -> caller.lost(service, why)));
    }

    /** Something came: tells those who still wait and were told that it was lost. */
    void ends(Supplier<Set<StreamCaller>> callers) {
        away = false;
        if (!lost) {
            return;
        }
        lost = false;
        LOG.infof("%s is there again", service);
        Set<StreamCaller> waiting = callers.get();
        waiting.retainAll(told);
        told.clear();
        if (!waiting.isEmpty()) {
            Duration after = Duration.ofNanos(timer.nanoTime() - lostSince);
            timer.after(Duration.ZERO, () -> waiting.forEach(caller -> caller.found(service, after)));
        }
    }

    /** What work is told whose service was away for too long. */
    FootholdException unavailable(Collection<String> keys, Duration patience) {
        return new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                "no answer from " + service + " for " + keys + ": it was away for more than " + text(patience)
                        + lastReason());
    }

    /** What work is told that was not answered in time. */
    FootholdException late(Collection<String> keys, Duration limit) {
        return new FootholdException(
                ErrorCode.DEADLINE,
                "no answer from " + service + " for " + keys + " within " + text(limit) + lastReason());
    }

    private String lastReason() {
        Throwable last = reason;
        return last == null
                ? ""
                : "; last failure: " + FootholdException.of(last).text();
    }

    /** A duration as people write it, such as 5m or 1m30s. */
    private static String text(Duration duration) {
        return duration.toString().substring(2).toLowerCase(Locale.ROOT);
    }
}
