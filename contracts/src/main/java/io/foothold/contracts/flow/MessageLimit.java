package io.foothold.contracts.flow;

import com.google.protobuf.MessageLite;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.quarkus.grpc.GlobalInterceptor;
import jakarta.enterprise.context.ApplicationScoped;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How large a message between services may be, and how long a peer may be silent. The one place that knows it: servers and the container's clients have it from
 * {@code META-INF/microprofile-config.properties} beside this class (a test holds them equal), channels of our own from
 * {@link #channel}. What is larger is refused by who would send it, in words, before it meets a transport that has none.
 */
public final class MessageLimit {
    /** Bytes of the largest message. */
    public static final int BYTES = 64 << 20;

    /**
     * Bytes of the largest problem: statement, gold answer and oracle solution together, in UTF-8. Half a message, so that a problem
     * and what a policy said about it travel together.
     */
    public static final int PROBLEM_BYTES = 32 << 20;

    /**
     * After how long a silence on a connection to a service of ours it is asked whether it is still there. A peer that is there and silent
     * (stopped, or behind a network that swallows what is sent) is thus seen in at most 40 s, and not only by the deadline of what is asked.
     */
    static final Duration PING = Duration.ofSeconds(30);

    /** How long it has to answer. */
    static final Duration PONG = Duration.ofSeconds(10);

    private MessageLimit() {}

    /**
     * As {@link #channel}, to one of our own services, which is pinged. Others end connections that are pinged more than every 5
     * minutes.
     */
    public static ManagedChannelBuilder<?> peer(String target, ChannelCredentials credentials) {
        return peer(target, credentials, PING, PONG);
    }

    static ManagedChannelBuilder<?> peer(String target, ChannelCredentials credentials, Duration ping, Duration pong) {
        return channel(target, credentials)
                .keepAliveTime(ping.toMillis(), TimeUnit.MILLISECONDS)
                .keepAliveTimeout(pong.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** A channel without TLS that takes messages up to the limit and refuses to send larger ones. */
    public static ManagedChannelBuilder<?> channel(String target) {
        return channel(target, InsecureChannelCredentials.create());
    }

    /** A channel that takes messages up to the limit and refuses to send larger ones. */
    public static ManagedChannelBuilder<?> channel(String target, ChannelCredentials credentials) {
        return Grpc.newChannelBuilder(target, credentials)
                .maxInboundMessageSize(BYTES)
                .intercept(new Sending());
    }

    /** The refusal of a message, when it is larger than the limit. */
    static @Nullable FootholdException refusal(Object message, String where) {
        // Protobuf remembers the size for the serialization that follows.
        return message instanceof MessageLite m && m.getSerializedSize() > BYTES
                ? tooLarge(m.getClass().getSimpleName(), m.getSerializedSize(), where)
                : null;
    }

    static FootholdException tooLarge(String what, long bytes, String where) {
        return new FootholdException(
                ErrorCode.INVALID_INPUT,
                where + ": a " + what + " of " + bytes + " bytes is larger than the " + BYTES
                        + " that a message may have");
    }

    /** Ends a call with our words when it would send too large a message. */
    @GlobalInterceptor
    @ApplicationScoped
    public static class Sending implements ClientInterceptor {
        @Override
        public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
                private volatile @Nullable StatusRuntimeException refused;

                @Override
                public void start(Listener<R> listener, Metadata headers) {
                    super.start(
                            new SimpleForwardingClientCallListener<>(listener) {
                                @Override
                                public void onClose(Status status, Metadata trailers) {
                                    StatusRuntimeException own = refused;
                                    if (own == null) {
                                        super.onClose(status, trailers);
                                    } else {
                                        Metadata with = own.getTrailers();
                                        super.onClose(own.getStatus(), with == null ? trailers : with);
                                    }
                                }
                            },
                            headers);
                }

                @Override
                public void sendMessage(Q message) {
                    FootholdException refusal = refusal(message, method.getFullMethodName());
                    if (refusal == null) {
                        super.sendMessage(message);
                    } else {
                        refused = refusal.toStatus();
                        super.cancel(refusal.text(), refusal);
                    }
                }

                @Override
                public void halfClose() {
                    // A unary call half-closes at once; on a cancelled call that is an error of its own, which may come
                    // first.
                    if (refused == null) {
                        super.halfClose();
                    }
                }
            };
        }
    }
}
