package io.foothold.contracts.error;

import io.foothold.v1.ItemFailure;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.smallrye.mutiny.TimeoutException;
import java.io.IOException;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** The one exception of Foothold: a code and a message that says what is wrong, with the value and what was expected. */
public final class FootholdException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Name of the trailer in which a code travels. */
    public static final String CODE = "foothold-error-code";

    private static final Metadata.Key<String> CODE_KEY = Metadata.Key.of(CODE, Metadata.ASCII_STRING_MARSHALLER);

    private final ErrorCode code;
    private final transient AtomicBoolean told = new AtomicBoolean();

    /** An error with its code. */
    public FootholdException(ErrorCode code, String message) {
        super(message);
        this.code = code;
    }

    /** An error with its code and cause. */
    public FootholdException(ErrorCode code, @Nullable String message, @Nullable Throwable cause) {
        super(message, cause);
        this.code = code;
    }

    /** What sort of error it is. */
    public ErrorCode code() {
        return code;
    }

    /** The message, never null. */
    public String text() {
        return Objects.requireNonNullElse(getMessage(), code.name());
    }

    /** True for the first who asks: so a failure that passes several edges is told by one of them. */
    boolean firstTelling() {
        return told.compareAndSet(false, true);
    }

    /** Any throwable as ours: ours unchanged, gRPC statuses translated back, everything else {@link ErrorCode#INTERNAL}. */
    public static FootholdException of(Throwable cause) {
        Throwable t = cause;
        while ((t instanceof java.util.concurrent.CompletionException
                        || t instanceof java.util.concurrent.ExecutionException)
                && t.getCause() != null) {
            t = Objects.requireNonNull(t.getCause());
        }
        if (t instanceof FootholdException own) {
            return own;
        }
        if (t instanceof StatusRuntimeException status) {
            return ofStatus(status);
        }
        if (t instanceof java.util.concurrent.TimeoutException || t instanceof TimeoutException) {
            return new FootholdException(ErrorCode.DEADLINE, "no answer in time", t);
        }
        return new FootholdException(ErrorCode.INTERNAL, t.getClass().getSimpleName() + ": " + t.getMessage(), t);
    }

    private static FootholdException ofStatus(StatusRuntimeException status) {
        String text = description(status.getStatus());
        Metadata trailers = status.getTrailers();
        String name = trailers == null ? null : trailers.get(CODE_KEY);
        if (name != null) {
            for (ErrorCode known : ErrorCode.values()) {
                if (known.name().equals(name)) {
                    return new FootholdException(known, text, status);
                }
            }
        }
        ErrorCode code =
                switch (status.getStatus().getCode()) {
                    case INVALID_ARGUMENT, OUT_OF_RANGE -> ErrorCode.INVALID_INPUT;
                    case NOT_FOUND, UNIMPLEMENTED -> ErrorCode.NOT_FOUND;
                    case ALREADY_EXISTS -> ErrorCode.CONFLICT;
                    case FAILED_PRECONDITION -> ErrorCode.WRONG_STATE;
                    case UNAUTHENTICATED -> ErrorCode.UNAUTHENTICATED;
                    case PERMISSION_DENIED -> ErrorCode.FORBIDDEN;
                    case UNAVAILABLE -> ErrorCode.PEER_UNAVAILABLE;
                    case DEADLINE_EXCEEDED -> ErrorCode.DEADLINE;
                    case CANCELLED -> ErrorCode.CANCELLED;
                    case RESOURCE_EXHAUSTED -> ErrorCode.NO_CREDIT;
                    default -> ErrorCode.INTERNAL;
                };
        return new FootholdException(code, text, status);
    }

    /** Whether it says how a connection failed, and not what a service said of itself. */
    public boolean ofConnection() {
        return switch (getCause()) {
            case StatusRuntimeException status -> {
                Metadata trailers = status.getTrailers();
                yield trailers == null || !trailers.containsKey(CODE_KEY);
            }
            case java.util.concurrent.TimeoutException late -> true;
            case TimeoutException late -> true;
            case FootholdException inner -> inner.ofConnection();
            case null -> false;
            case Throwable other -> false;
        };
    }

    /** What a status says; where that is only that something happened to the connection, with what happened. */
    private static String description(Status status) {
        String own = Objects.requireNonNullElse(
                status.getDescription(), status.getCode().name());
        Throwable root = status.getCause();
        while (root != null && root.getCause() != null && !(root instanceof FootholdException)) {
            root = root.getCause();
        }
        String more = root instanceof IOException ? root.getMessage() : null;
        return more == null || own.contains(more) ? own : own + ": " + more;
    }

    /** The error as a gRPC status; the code travels in a trailer. */
    public StatusRuntimeException toStatus() {
        Metadata trailers = new Metadata();
        trailers.put(CODE_KEY, code.name());
        return Status.fromCode(code.grpc())
                .withDescription(getMessage())
                .withCause(this)
                .asRuntimeException(trailers);
    }

    /** The error as an item of a stream. */
    public ItemFailure toItemFailure() {
        return ItemFailure.newBuilder()
                .setCode(code.name())
                .setMessage(text())
                .setRetryable(code.retryable())
                .build();
    }
}
