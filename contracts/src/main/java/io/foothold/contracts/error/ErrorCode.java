package io.foothold.contracts.error;

import io.grpc.Status;

/** Everything that can go wrong by name: whether a retry can help, whose fault it is, and how it travels. */
public enum ErrorCode {
    /** A value of the caller is wrong. */
    INVALID_INPUT(false, Fault.CALLER, Status.Code.INVALID_ARGUMENT, 400),
    /** A row, file or artefact is wrong. */
    INVALID_DATA(false, Fault.DATA, Status.Code.INVALID_ARGUMENT, 422),
    /** A request or a file is larger than is allowed. */
    TOO_LARGE(false, Fault.CALLER, Status.Code.OUT_OF_RANGE, 413),
    /** Nothing of that name exists. */
    NOT_FOUND(false, Fault.CALLER, Status.Code.NOT_FOUND, 404),
    /** The thing exists already with other content. */
    CONFLICT(false, Fault.CALLER, Status.Code.ALREADY_EXISTS, 409),
    /** The call does not fit the state that the service is in. */
    WRONG_STATE(false, Fault.CALLER, Status.Code.FAILED_PRECONDITION, 409),
    /** The peer sent more than it had credit for. */
    NO_CREDIT(false, Fault.PEER, Status.Code.RESOURCE_EXHAUSTED, 429),
    /** Another service cannot be reached, or went away. */
    PEER_UNAVAILABLE(true, Fault.PEER, Status.Code.UNAVAILABLE, 503),
    /** An answer did not come in time. */
    DEADLINE(true, Fault.PEER, Status.Code.DEADLINE_EXCEEDED, 504),
    /** A rollout was sampled, and no verifier gave a verdict that may be used. */
    NO_VERDICT(true, Fault.PEER, Status.Code.UNAVAILABLE, 503),
    /** The service is shutting down. */
    DRAINING(true, Fault.PEER, Status.Code.UNAVAILABLE, 503),
    /** Disk or memory is full. */
    STORAGE(true, Fault.US, Status.Code.RESOURCE_EXHAUSTED, 507),
    /** The work was cancelled. */
    CANCELLED(true, Fault.CALLER, Status.Code.CANCELLED, 499),
    /** A defect of ours. */
    INTERNAL(false, Fault.US, Status.Code.INTERNAL, 500);

    /** Whose fault an error is. */
    public enum Fault {
        /** Who called us. */
        CALLER,
        /** What we were given to read. */
        DATA,
        /** Whom we called. */
        PEER,
        /** Ourselves. */
        US
    }

    private final boolean retryable;
    private final Fault fault;
    private final Status.Code grpc;
    private final int http;

    ErrorCode(boolean retryable, Fault fault, Status.Code grpc, int http) {
        this.retryable = retryable;
        this.fault = fault;
        this.grpc = grpc;
        this.http = http;
    }

    /** Whether the same call can succeed later. */
    public boolean retryable() {
        return retryable;
    }

    /** Whose fault it is. */
    public Fault fault() {
        return fault;
    }

    /** The status it travels as over gRPC. */
    public Status.Code grpc() {
        return grpc;
    }

    /** The status it travels as over HTTP. */
    public int http() {
        return http;
    }
}
