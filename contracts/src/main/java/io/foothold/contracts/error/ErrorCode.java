package io.foothold.contracts.error;

import io.grpc.Status;

/**
 * Everything that can go wrong by name: what kind of thing it is, whether a retry can help, whose fault it is, how it travels and what
 * one does about it. docs/errors.md is made from this.
 */
public enum ErrorCode {
    /** A value of the caller is wrong. */
    INVALID_INPUT(
            Category.REQUEST,
            false,
            Fault.CALLER,
            Status.Code.INVALID_ARGUMENT,
            400,
            "A value of the caller is wrong.",
            "Correct the value that the message names; it says what is expected and, for names, which valid one is"
                    + " nearest."),
    /** A row, file or artefact is wrong. */
    INVALID_DATA(
            Category.DATA,
            false,
            Fault.DATA,
            Status.Code.INVALID_ARGUMENT,
            422,
            "A row, a file or an artefact is wrong.",
            "Correct the row or file that the message names, with its line where it has lines."),
    /** A request or a file is larger than is allowed. */
    TOO_LARGE(
            Category.REQUEST,
            false,
            Fault.CALLER,
            Status.Code.OUT_OF_RANGE,
            413,
            "A request or a file is larger than is allowed.",
            "Send less, or raise the limit; the message has the size and the limit."),
    /** The caller showed no token that this service knows. */
    UNAUTHENTICATED(
            Category.REQUEST,
            false,
            Fault.CALLER,
            Status.Code.UNAUTHENTICATED,
            401,
            "The caller showed no token that this service knows, or one that has ended.",
            "Send the header 'Authorization: Bearer TOKEN' with a token of the setting that the message names; between"
                    + " services, give both the same foothold.door.admin."),
    /** The caller's token opens less than this. */
    FORBIDDEN(
            Category.REQUEST,
            false,
            Fault.CALLER,
            Status.Code.PERMISSION_DENIED,
            403,
            "The caller's token opens less than this.",
            "Send a token of the role that the message names."),
    /** Nothing of that name exists. */
    NOT_FOUND(
            Category.REQUEST,
            false,
            Fault.CALLER,
            Status.Code.NOT_FOUND,
            404,
            "Nothing of that name exists.",
            "Correct the name, or make what it names first."),
    /** The thing exists already with other content. */
    CONFLICT(
            Category.STATE,
            false,
            Fault.CALLER,
            Status.Code.ALREADY_EXISTS,
            409,
            "The thing exists already with other content.",
            "Take another id, or send what was sent first."),
    /** The call does not fit the state that the service is in. */
    WRONG_STATE(
            Category.STATE,
            false,
            Fault.CALLER,
            Status.Code.FAILED_PRECONDITION,
            409,
            "The call does not fit the state that the service is in.",
            "Do first what the message says is missing, then call again."),
    /** The peer sent more than it had credit for. */
    NO_CREDIT(
            Category.FLOW,
            false,
            Fault.PEER,
            Status.Code.RESOURCE_EXHAUSTED,
            429,
            "The peer sent more than it had credit for.",
            "In a client of your own: send no more items than were granted. Between our services it is a defect:"
                    + " report it."),
    /** Another service cannot be reached, or went away. */
    PEER_UNAVAILABLE(
            Category.AVAILABILITY,
            true,
            Fault.PEER,
            Status.Code.UNAVAILABLE,
            503,
            "Another service cannot be reached, or went away.",
            "Start the service that the message names or correct its address; a run waits for it and goes on."),
    /** An answer did not come in time. */
    DEADLINE(
            Category.AVAILABILITY,
            true,
            Fault.PEER,
            Status.Code.DEADLINE_EXCEEDED,
            504,
            "An answer did not come in time.",
            "See whether the service that the message names is overloaded or stuck; call again."),
    /** A rollout was sampled, and no verifier gave a verdict that may be used. */
    NO_VERDICT(
            Category.AVAILABILITY,
            true,
            Fault.PEER,
            Status.Code.UNAVAILABLE,
            503,
            "A rollout was sampled, and no verifier gave a verdict that may be used.",
            "See the verifier's log for why it is late or broken; resume the run."),
    /** The service is shutting down. */
    DRAINING(
            Category.AVAILABILITY,
            true,
            Fault.PEER,
            Status.Code.UNAVAILABLE,
            503,
            "The service is shutting down.",
            "Call again when it has been started again, or call another replica."),
    /** Disk or memory is full, or a file of ours cannot be written or read. */
    STORAGE(
            Category.RESOURCE,
            true,
            Fault.US,
            Status.Code.RESOURCE_EXHAUSTED,
            507,
            "Disk or memory is full, or a file of ours cannot be written or read.",
            "Make room, or mend the permissions of the path that the message names; resume the run."),
    /** The work was cancelled. */
    CANCELLED(
            Category.FLOW,
            true,
            Fault.CALLER,
            Status.Code.CANCELLED,
            499,
            "The work was cancelled.",
            "Nothing is wrong: who asked for it gave it up. It may be asked for again."),
    /** A defect of ours. */
    INTERNAL(
            Category.DEFECT,
            false,
            Fault.US,
            Status.Code.INTERNAL,
            500,
            "A defect of ours.",
            "Report it with the stack trace in the service's log.");

    /** What kind of thing an error is. */
    public enum Category {
        /** What was asked for cannot be done as it was asked. */
        REQUEST,
        /** What was to be read is wrong. */
        DATA,
        /** It does not fit what is there. */
        STATE,
        /** A stream's credit, or its end. */
        FLOW,
        /** Somebody is away, late or leaving. */
        AVAILABILITY,
        /** Disk, memory, files. */
        RESOURCE,
        /** A programming error. */
        DEFECT
    }

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

    private final Category category;
    private final boolean retryable;
    private final Fault fault;
    private final Status.Code grpc;
    private final int http;
    private final String meaning;
    private final String remedy;

    ErrorCode(
            Category category,
            boolean retryable,
            Fault fault,
            Status.Code grpc,
            int http,
            String meaning,
            String remedy) {
        this.category = category;
        this.retryable = retryable;
        this.fault = fault;
        this.grpc = grpc;
        this.http = http;
        this.meaning = meaning;
        this.remedy = remedy;
    }

    /** What kind of thing it is. */
    public Category category() {
        return category;
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

    /** What it says, one sentence. */
    public String meaning() {
        return meaning;
    }

    /** What one does about it, one sentence. */
    public String remedy() {
        return remedy;
    }
}
