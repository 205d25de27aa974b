package io.foothold.contracts.flow;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.grpc.Attributes;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.SecurityLevel;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import io.grpc.ServiceDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Answers a message that cannot be read. The container's gRPC server drops a message that its marshaller refuses and says nothing,
 * so that a caller waits for ever; here such a message, and one beyond {@link MessageLimit}, ends its call with INVALID_ARGUMENT.
 * Likewise a response beyond the limit is not sent; its caller hears why. Every service binds itself through {@link #of}.
 */
public final class ReadableMessages {
    private ReadableMessages() {}

    /** The same service, which answers messages that it cannot read. */
    public static ServerServiceDefinition of(ServerServiceDefinition service) {
        ServiceDescriptor known = service.getServiceDescriptor();
        ServiceDescriptor.Builder descriptor =
                ServiceDescriptor.newBuilder(known.getName()).setSchemaDescriptor(known.getSchemaDescriptor());
        List<ServerMethodDefinition<?, ?>> methods = new ArrayList<>();
        for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
            ServerMethodDefinition<?, ?> readable = readable(method);
            descriptor.addMethod(readable.getMethodDescriptor());
            methods.add(readable);
        }
        ServerServiceDefinition.Builder out = ServerServiceDefinition.builder(descriptor.build());
        methods.forEach(out::addMethod);
        return out.build();
    }

    /** Reads requests; what it cannot read comes as {@link Unreadable}. */
    private record Reading<Q>(MethodDescriptor<Q, ?> method) implements MethodDescriptor.Marshaller<Object> {
        @Override
        public InputStream stream(Object value) {
            throw new UnsupportedOperationException("a server sends no requests");
        }

        @Override
        public Object parse(InputStream stream) {
            try {
                int bytes = stream.available();
                if (bytes > MessageLimit.BYTES) {
                    return new Unreadable(MessageLimit.tooLarge("message", bytes, method.getFullMethodName()));
                }
                return method.parseRequest(stream);
            } catch (IOException | RuntimeException e) {
                String reason = e instanceof StatusRuntimeException && e.getCause() != null
                        ? e.getCause().getMessage()
                        : e.getMessage();
                return new Unreadable(new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        method.getFullMethodName() + ": a message that cannot be read: " + reason,
                        e));
            }
        }
    }

    /** The call as the service sees it. */
    private static final class Answer<Q, R> extends ServerCall<Q, R> {
        private final MethodDescriptor<Q, R> method;
        private final ServerCall<Object, R> call;
        private final AtomicBoolean closed = new AtomicBoolean();

        Answer(MethodDescriptor<Q, R> method, ServerCall<Object, R> call) {
            this.method = method;
            this.call = call;
        }

        void refuse(FootholdException why) {
            StatusRuntimeException status = why.toStatus();
            Metadata trailers = status.getTrailers();
            close(status.getStatus(), trailers == null ? new Metadata() : trailers);
        }

        @Override
        public void request(int messages) {
            call.request(messages);
        }

        @Override
        public void sendHeaders(Metadata headers) {
            if (!closed.get()) {
                call.sendHeaders(headers);
            }
        }

        @Override
        public void sendMessage(R message) {
            FootholdException refusal = MessageLimit.refusal(message, method.getFullMethodName());
            if (refusal != null) {
                refuse(refusal);
            } else if (!closed.get()) {
                call.sendMessage(message);
            }
        }

        @Override
        public void close(Status status, Metadata trailers) {
            if (closed.compareAndSet(false, true)) {
                call.close(status, trailers);
            }
        }

        @Override
        public boolean isReady() {
            return call.isReady();
        }

        @Override
        public boolean isCancelled() {
            return call.isCancelled();
        }

        @Override
        public void setMessageCompression(boolean enabled) {
            call.setMessageCompression(enabled);
        }

        @Override
        public void setCompression(String compressor) {
            call.setCompression(compressor);
        }

        @Override
        public Attributes getAttributes() {
            return call.getAttributes();
        }

        @Override
        public @Nullable String getAuthority() {
            return call.getAuthority();
        }

        @Override
        public SecurityLevel getSecurityLevel() {
            return call.getSecurityLevel();
        }

        @Override
        public MethodDescriptor<Q, R> getMethodDescriptor() {
            return method;
        }
    }

    /** What came instead of a message. */
    private record Unreadable(FootholdException why) {}

    private static <Q, R> ServerMethodDefinition<Object, R> readable(ServerMethodDefinition<Q, R> method) {
        MethodDescriptor<Q, R> known = method.getMethodDescriptor();
        MethodDescriptor<Object, R> descriptor = known.toBuilder(new Reading<>(known), known.getResponseMarshaller())
                .build();
        return ServerMethodDefinition.create(descriptor, (call, headers) -> start(method, call, headers));
    }

    private static <Q, R> ServerCall.Listener<Object> start(
            ServerMethodDefinition<Q, R> method, ServerCall<Object, R> call, Metadata headers) {
        Answer<Q, R> answer = new Answer<>(method.getMethodDescriptor(), call);
        ServerCallHandler<Q, R> handler = method.getServerCallHandler();
        ServerCall.Listener<Q> listener = handler.startCall(answer, headers);
        return new ServerCall.Listener<>() {
            private boolean refused;
            private boolean asked;

            @Override
            @SuppressWarnings("unchecked") // The marshaller gives a Q or an Unreadable.
            public void onMessage(Object message) {
                if (refused) {
                    return;
                }
                if (message instanceof Unreadable unreadable) {
                    refused = true;
                    answer.refuse(unreadable.why());
                    listener.onCancel();
                } else {
                    asked = true;
                    listener.onMessage((Q) message);
                }
            }

            @Override
            public void onHalfClose() {
                if (!asked && !refused && call.getMethodDescriptor().getType().clientSendsOneMessage()) {
                    refused = true;
                    answer.refuse(new FootholdException(
                            ErrorCode.INVALID_INPUT,
                            call.getMethodDescriptor().getFullMethodName()
                                    + ": no request, or one far larger than the " + MessageLimit.BYTES
                                    + " bytes that a message may have"));
                    listener.onCancel();
                } else if (!refused) {
                    listener.onHalfClose();
                }
            }

            @Override
            public void onCancel() {
                if (!refused) {
                    listener.onCancel();
                }
            }

            @Override
            public void onComplete() {
                if (!refused) {
                    listener.onComplete();
                }
            }

            @Override
            public void onReady() {
                if (!refused) {
                    listener.onReady();
                }
            }
        };
    }
}
