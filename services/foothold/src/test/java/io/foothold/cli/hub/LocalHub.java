package io.foothold.cli.hub;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;

/**
 * Serves the part of the hub's interface that is asked for: the listing of a revision and files from any byte on. Files named
 * {@code .safetensors} are large: known by their SHA-256 and served by another host. It can break off, lie and refuse.
 */
final class LocalHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final HttpServer server = server();
    private final HttpServer store = server();
    private final Map<String, Map<String, byte[]>> repositories = new TreeMap<>();

    /** Method, path, and what was shown of who asks, of everything that was asked. */
    final List<String> asked = new CopyOnWriteArrayList<>();
    /** Bytes of a large file after which the connection is closed, for as many times as there are. */
    final List<Integer> breaks = new CopyOnWriteArrayList<>();

    volatile String gated = "";
    volatile String commit = COMMIT;
    volatile boolean ignoresRange;
    volatile boolean lies;

    LocalHub() throws IOException {
        server.createContext("/", this::hub);
        store.createContext("/", this::large);
        server.start();
        store.start();
    }

    private static HttpServer server() {
        try {
            HttpServer out = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            out.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
            return out;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    String address() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    void add(String id, Map<String, byte[]> files) {
        repositories.put(id, files);
    }

    private void hub(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        note(exchange);
        String repository = repositories.keySet().stream()
                .filter(id -> path.contains("/" + id + "/"))
                .findFirst()
                .orElse("");
        if (repository.isEmpty()) {
            refuse(exchange, 404, "RepoNotFound");
        } else if (repository.equals(gated)
                && !"Bearer good".equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            refuse(exchange, 403, "GatedRepo");
        } else if (path.startsWith("/api/")) {
            String revision = path.substring(path.lastIndexOf('/') + 1);
            if (revision.equals("main") || revision.equals(commit)) {
                send(exchange, 200, listing(repository));
            } else {
                refuse(exchange, 404, "RevisionNotFound");
            }
        } else {
            String file = path.substring(path.indexOf(commit) + commit.length() + 1);
            byte[] content = repositories.get(repository).get(file);
            if (content == null) {
                refuse(exchange, 404, "EntryNotFound");
            } else if (file.endsWith(".safetensors")) {
                exchange.getResponseHeaders()
                        .add(
                                "Location",
                                "http://127.0.0.1:" + store.getAddress().getPort() + "/" + repository + "/" + file);
                send(exchange, 302, new byte[0]);
            } else {
                send(exchange, 200, content);
            }
        }
    }

    private void large(HttpExchange exchange) throws IOException {
        note(exchange);
        String path = exchange.getRequestURI().getPath().substring(1);
        int cut = path.indexOf('/', path.indexOf('/') + 1);
        byte[] content = repositories
                .get(path.substring(0, cut))
                .get(path.substring(cut + 1))
                .clone();
        if (lies) {
            content[content.length / 2] ^= 1;
        }
        String range = exchange.getRequestHeaders().getFirst("Range");
        int from = range == null || ignoresRange ? 0 : Integer.parseInt(range.replaceAll("\\D", ""));
        exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
        try (OutputStream out = exchange.getResponseBody()) {
            int most = breaks.isEmpty() ? content.length - from : Math.min(breaks.removeFirst(), content.length - from);
            out.write(content, from, most);
            out.flush();
            if (most < content.length - from) {
                exchange.close();
            }
        } catch (IOException e) {
            exchange.close();
        }
    }

    private void note(HttpExchange exchange) {
        String range = exchange.getRequestHeaders().getFirst("Range");
        String token = exchange.getRequestHeaders().getFirst("Authorization");
        asked.add(exchange.getRequestURI().getPath()
                + (range == null ? "" : " " + range)
                + (token == null ? "" : " " + token));
    }

    private byte[] listing(String repository) throws IOException {
        ObjectNode json = MAPPER.createObjectNode().put("id", repository).put("sha", commit);
        ArrayNode siblings = json.putArray("siblings");
        repositories.get(repository).forEach((file, content) -> {
            ObjectNode entry = siblings.addObject().put("rfilename", file).put("size", content.length);
            entry.put(
                    "blobId",
                    digest("SHA-1", ("blob " + content.length + "\0").getBytes(StandardCharsets.UTF_8), content));
            if (file.endsWith(".safetensors")) {
                entry.putObject("lfs")
                        .put("sha256", digest("SHA-256", new byte[0], content))
                        .put("size", content.length);
            }
        });
        return MAPPER.writeValueAsBytes(json);
    }

    private static String digest(String algorithm, byte[] before, byte[] content) {
        try {
            MessageDigest digest = MessageDigest.getInstance(algorithm);
            digest.update(before);
            return HexFormat.of().formatHex(digest.digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
        exchange.getResponseHeaders().add("X-Error-Code", code);
        send(exchange, status, ("{\"error\":\"" + code + "\"}").getBytes(StandardCharsets.UTF_8));
    }

    private static void send(HttpExchange exchange, int status, byte[] body) throws IOException {
        exchange.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        store.stop(0);
    }
}
