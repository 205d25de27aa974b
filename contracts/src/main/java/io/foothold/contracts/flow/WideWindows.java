package io.foothold.contracts.flow;

import io.quarkus.vertx.http.HttpServerOptionsCustomizer;
import io.vertx.core.http.HttpServerOptions;
import jakarta.enterprise.context.ApplicationScoped;

/**
 * HTTP/2 frames and windows of a server that takes messages up to {@link MessageLimit#BYTES}. The container's gRPC server copies all of
 * a message that it has so far with every frame, on its event loop: with the standard frames of 16 KiB a message of 20 MB takes more
 * than 15 seconds, and everything beside it waits.
 */
@ApplicationScoped
public class WideWindows implements HttpServerOptionsCustomizer {
    private static final int BYTES = 4 << 20;

    @Override
    public void customizeHttpServer(HttpServerOptions options) {
        widen(options);
    }

    @Override
    public void customizeHttpsServer(HttpServerOptions options) {
        widen(options);
    }

    private static void widen(HttpServerOptions options) {
        options.setHttp2ConnectionWindowSize(BYTES);
        options.getInitialSettings().setInitialWindowSize(BYTES).setMaxFrameSize(BYTES);
    }
}
