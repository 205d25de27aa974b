package io.foothold.orchestrator.rollout;

/** Why a rollout ended. */
public enum FinishReason {
    /** The sampler did not say, or said something new. */
    UNKNOWN,
    /** An end-of-sequence token. */
    STOP,
    /** A stop string. */
    STOP_STRING,
    /** The limit of tokens: truncated. */
    LENGTH,
    /** Cut by the server or by the caller. */
    ABORT
}
