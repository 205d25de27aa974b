package io.foothold.policy;

/** Nothing is computed any more: the process is ending. What was to be computed can be done by another one. */
public final class ProcessEndingException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    ProcessEndingException() {
        super("the process is ending");
    }
}
