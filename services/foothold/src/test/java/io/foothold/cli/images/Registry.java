package io.foothold.cli.images;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;

/** As much of a registry as a push needs (the OCI distribution specification, "pushing"), without TLS. */
final class Registry implements AutoCloseable {
    private static final int TLS_HANDSHAKE = 0x16;

    /** Manifests by path. */
    final Map<String, byte[]> manifests = new ConcurrentHashMap<>();

    /** Digests of the blobs that were put. */
    final Set<String> blobs = ConcurrentHashMap.newKeySet();

    private final HttpServer server;
    private final ServerSocket door = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());

    Registry() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.createContext("/", exchange -> {
            try (exchange) {
                answer(exchange);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        server.start();
        Thread.ofVirtual().start(this::admit);
    }

    String name() {
        return "localhost:" + door.getLocalPort();
    }

    /** The JDK's server would wait for the end of a line that a TLS handshake does not have; a registry hangs up. */
    private void admit() {
        while (!door.isClosed()) {
            try {
                Socket client = door.accept();
                Thread.ofVirtual().start(() -> pass(client));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void pass(Socket client) {
        try (client;
                Socket inner = new Socket(
                        server.getAddress().getAddress(), server.getAddress().getPort())) {
            int first = client.getInputStream().read();
            if (first != TLS_HANDSHAKE && first >= 0) {
                inner.getOutputStream().write(first);
                Thread back = Thread.ofVirtual().start(() -> copy(inner, client));
                copy(client, inner);
                back.join();
            }
        } catch (IOException | InterruptedException e) {
            // The client sees a connection that ended.
        }
    }

    private static void copy(Socket from, Socket to) {
        try {
            from.getInputStream().transferTo(to.getOutputStream());
            to.shutdownOutput();
        } catch (IOException e) {
            // So does it here.
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        byte[] body = exchange.getRequestBody().readAllBytes();
        int code =
                switch (exchange.getRequestMethod()) {
                    case "GET" -> path.equals("/v2/") ? 200 : 404;
                    case "POST", "PATCH" -> {
                        exchange.getResponseHeaders().add("Location", path + (path.endsWith("/") ? "one" : ""));
                        yield 202;
                    }
                    case "PUT" -> {
                        if (path.contains("/manifests/")) {
                            manifests.put(path, body);
                        } else {
                            blobs.add(exchange.getRequestURI().getQuery().replace("digest=", ""));
                        }
                        yield 201;
                    }
                    default -> 404;
                };
        exchange.sendResponseHeaders(code, -1);
    }

    @Override
    public void close() throws IOException {
        door.close();
        server.stop(0);
    }
}
