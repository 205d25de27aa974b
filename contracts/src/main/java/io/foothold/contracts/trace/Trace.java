package io.foothold.contracts.trace;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.TextMapGetter;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Follows rollouts through the services: an OpenTelemetry trace begins with the draw of an update's start states, and every span of what is
 * sampled, localized, judged and trained from one of them is in it. Calls of their own carry the context in their metadata; streams stay
 * open for all, so their messages carry it, as the text of the W3C header {@code traceparent}. Where nothing is traced, texts are empty and
 * spans do nothing. Thread-safe.
 */
public final class Trace {
    /** Name of the W3C header. */
    private static final String HEADER = "traceparent";

    private static final TextMapGetter<Map<String, String>> GETTER = new TextMapGetter<>() {
        @Override
        public Iterable<String> keys(Map<String, String> carrier) {
            return carrier.keySet();
        }

        @Override
        public @Nullable String get(@Nullable Map<String, String> carrier, String key) {
            return carrier == null ? null : carrier.get(key);
        }
    };

    /** A part of a trace that has begun; ends once. */
    public static final class Part implements AutoCloseable {
        private final Span span;
        private final Context context;

        private Part(Span span, Context context) {
            this.span = span;
            this.context = context.with(span);
        }

        /** What a message carries that others of this part follow. */
        public String carried() {
            return span.getSpanContext().isValid() ? text(context) : "";
        }

        /** Says more of it. */
        public Part with(String name, String value) {
            span.setAttribute(name, value);
            return this;
        }

        /** Says more of it. */
        public Part with(String name, long value) {
            span.setAttribute(name, value);
            return this;
        }

        /** It failed, and why. */
        public void failed(Throwable why) {
            span.setStatus(StatusCode.ERROR, String.valueOf(why.getMessage()));
        }

        /** Does work as this part: calls that it makes carry the context. */
        public <T> T during(Supplier<T> work) {
            try (Scope scope = context.makeCurrent()) {
                return work.get();
            }
        }

        @Override
        public void close() {
            span.end();
        }
    }

    private Trace() {}

    /** Begins a trace. */
    public static Part begin(String name) {
        return begin(name, Context.root());
    }

    /**
     * Begins a part of the trace that a message carries.
     *
     * @param carried text of the message; where it is empty nothing is followed
     */
    public static Part follow(String name, String carried) {
        if (carried.isEmpty()) {
            return new Part(Span.getInvalid(), Context.root());
        }
        return begin(
                name, W3CTraceContextPropagator.getInstance().extract(Context.root(), Map.of(HEADER, carried), GETTER));
    }

    /** What a message carries that belongs to the part that is done here; empty where nothing is traced. */
    public static String current() {
        return text(Context.current());
    }

    /** Has every piece of work done as the part that it is handed over in. */
    public static ExecutorService carrying(ExecutorService threads) {
        return Context.taskWrapping(threads);
    }

    private static Part begin(String name, Context parent) {
        Span span = GlobalOpenTelemetry.getTracer("io.foothold")
                .spanBuilder(name)
                .setParent(parent)
                .setSpanKind(SpanKind.INTERNAL)
                .startSpan();
        return new Part(span, parent);
    }

    private static String text(Context context) {
        Map<String, String> out = new HashMap<>();
        W3CTraceContextPropagator.getInstance().inject(context, out, (map, key, value) -> {
            if (map != null) {
                map.put(key, value);
            }
        });
        return out.getOrDefault(HEADER, "");
    }

    /** Has the calls of a channel carry the context that they are made in, for servers that follow it. */
    public static final class Carrying implements ClientInterceptor {
        private static final Metadata.Key<String> KEY = Metadata.Key.of(HEADER, Metadata.ASCII_STRING_MARSHALLER);

        @Override
        public <Q, R> ClientCall<Q, R> interceptCall(MethodDescriptor<Q, R> method, CallOptions options, Channel next) {
            String carried = text(Context.current());
            ClientCall<Q, R> call = next.newCall(method, options);
            return carried.isEmpty()
                    ? call
                    : new ForwardingClientCall.SimpleForwardingClientCall<>(call) {
                        @Override
                        public void start(Listener<R> listener, Metadata headers) {
                            headers.put(KEY, carried);
                            super.start(listener, headers);
                        }
                    };
        }
    }
}
