package io.foothold.contracts.door;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.StreamTimer;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who may do what at this service. Without tokens it is open; with any it is locked, and every call needs a token of a role that covers what
 * it does. Files of tokens are read again every few seconds, never on the caller's thread. Thread-safe.
 */
public final class Door implements AutoCloseable {
    private static final Duration AGAIN = Duration.ofSeconds(5);
    private static final String BEARER = "bearer ";

    private final List<Secret> secrets = new ArrayList<>();
    private final Secret admin;
    private final InstantSource clock;
    private final StreamTimer timer;

    /**
     * A door with these locks.
     *
     * @throws FootholdException INVALID_INPUT with the setting that cannot be used
     */
    public Door(DoorConfig config, InstantSource clock) {
        this(config, clock, StreamTimer.system("door-"));
    }

    /** A door whose files are read again by this timer, which is closed with it. */
    Door(DoorConfig config, InstantSource clock, StreamTimer timer) {
        this.clock = clock;
        this.timer = timer;
        this.admin = secret(Role.ADMIN, config.admin());
        secrets.add(secret(Role.VIEWER, config.viewer()));
        secrets.add(secret(Role.OPERATOR, config.operator()));
        secrets.add(admin);
        if (locked()) {
            timer.every(AGAIN, () -> secrets.forEach(Secret::refresh));
        }
    }

    private static Secret secret(Role role, DoorConfig.Secret config) {
        return new Secret(role, config.token(), config.file());
    }

    /** Whether tokens are asked for. */
    public boolean locked() {
        return secrets.stream().anyMatch(s -> !s.tokens().isEmpty());
    }

    /** What this service shows to its peers: the first admin token that has not ended. */
    Optional<String> shown() {
        Instant now = clock.instant();
        return admin.tokens().stream()
                .filter(t -> now.isBefore(t.until()))
                .map(Token::text)
                .findFirst();
    }

    /**
     * Why a caller may not do something; empty when it may.
     *
     * @param authorization the header of that name; null when there was none
     */
    Optional<FootholdException> refusal(Role needed, @Nullable String authorization) {
        if (!locked()) {
            return Optional.empty();
        }
        if (authorization == null
                || !authorization.toLowerCase(java.util.Locale.ROOT).startsWith(BEARER)) {
            return unknown("this needs a token of the role " + needed.word()
                    + ": send the header 'Authorization: Bearer TOKEN' with one of foothold.door." + needed.word()
                    + ".file or .token");
        }
        String given = authorization.substring(BEARER.length()).strip();
        Role best = null;
        Instant ended = null;
        // All are compared, whichever fits, so that the time tells nothing.
        for (int i = 0; i < secrets.size(); i++) {
            for (Token token : secrets.get(i).tokens()) {
                if (token.is(given)) {
                    if (clock.instant().isBefore(token.until())) {
                        best = Role.values()[i];
                    } else {
                        ended = token.until();
                    }
                }
            }
        }
        if (best == null) {
            return unknown(
                    ended != null
                            ? "the token ended at " + ended + "; send another one of foothold.door." + needed.word()
                                    + ".file"
                            : "the token is none that this service knows (foothold.door." + needed.word()
                                    + ".file or .token)");
        }
        return best.covers(needed)
                ? Optional.empty()
                : Optional.of(new FootholdException(
                        ErrorCode.FORBIDDEN,
                        "a token of the role " + best.word() + " does not open this; it needs the role "
                                + needed.word()));
    }

    private static Optional<FootholdException> unknown(String text) {
        return Optional.of(new FootholdException(ErrorCode.UNAUTHENTICATED, text));
    }

    @Override
    public void close() {
        timer.close();
    }
}
