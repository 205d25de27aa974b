package io.foothold.policy;

import org.jspecify.annotations.Nullable;

/** A policy that cannot be read, written or run; the message names the file, the value and what was expected. */
public final class PolicyException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** A message. */
    public PolicyException(String message) {
        super(message);
    }

    /** A message and its cause. */
    public PolicyException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
