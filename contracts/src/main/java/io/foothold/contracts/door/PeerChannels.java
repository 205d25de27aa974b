package io.foothold.contracts.door;

import io.foothold.contracts.flow.MessageLimit;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.security.GeneralSecurityException;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Channels to our own services, which show them what this one has: its certificate and its admin token. Thread-safe. */
public final class PeerChannels {
    private final Identity identity;
    private final ClientInterceptor token;

    private PeerChannels(Identity identity, Supplier<Optional<String>> shown) {
        this.identity = identity;
        this.token = new Showing(shown);
    }

    /** Channels without TLS that show nothing, to services whose door is open. */
    public static PeerChannels plain() {
        return showing(Optional::empty);
    }

    /** Channels without TLS that show a token, asked for with every call. */
    public static PeerChannels showing(Supplier<Optional<String>> shown) {
        return of(Identity.none(), shown);
    }

    /** Channels of somebody who shows a token, asked for with every call. */
    static PeerChannels of(Identity identity, Supplier<Optional<String>> shown) {
        return new PeerChannels(identity, shown);
    }

    /**
     * A channel to a service of ours, which is pinged.
     *
     * @param target {@code address:port}
     * @param host the name that its certificate must be for
     */
    public ManagedChannelBuilder<?> peer(String target, String host) {
        return known(MessageLimit.peer(target, identity.credentials()), target, host);
    }

    /** As {@link #peer}, to one that need not be ours and is not pinged. */
    public ManagedChannelBuilder<?> channel(String target, String host) {
        return known(MessageLimit.channel(target, identity.credentials()), target, host);
    }

    private ManagedChannelBuilder<?> known(ManagedChannelBuilder<?> builder, String target, String host) {
        if (identity.present()) {
            builder.overrideAuthority(host + target.substring(target.lastIndexOf(':')));
        }
        return builder.intercept(token);
    }

    /** Adds the token to every call, and to what TLS says of a failure the settings that are to blame. */
    private record Showing(Supplier<Optional<String>> shown) implements ClientInterceptor {
        private static final Metadata.Key<String> KEY =
                Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);

        @Override
        public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
                @Override
                public void start(Listener<R> listener, Metadata headers) {
                    shown.get().ifPresent(text -> headers.put(KEY, "Bearer " + text));
                    super.start(
                            new SimpleForwardingClientCallListener<>(listener) {
                                @Override
                                public void onClose(Status status, Metadata trailers) {
                                    super.onClose(told(status, next.authority()), trailers);
                                }
                            },
                            headers);
                }
            };
        }

        private static Status told(Status status, @Nullable String authority) {
            String why = "";
            for (Throwable t = status.getCause(); t != null; t = t.getCause()) {
                if (t instanceof SSLException || t instanceof GeneralSecurityException) {
                    why = t.getMessage();
                }
            }
            return why == null || why.isEmpty()
                    ? status
                    : status.withDescription("no TLS with " + authority + ": " + why + " (" + TlsConfig.PREFIX
                            + ".certificate, .key and .authorities of both, and the names that its certificate"
                            + " is for)");
        }
    }
}
