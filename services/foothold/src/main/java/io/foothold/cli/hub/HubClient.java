package io.foothold.cli.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A hub over HTTP, as Hugging Face's serves it: what a repository holds, and its files from any byte on. The token is shown to the hub's own
 * host and to no other that it sends us to. Thread-safe.
 */
final class HubClient {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final int MOST_REDIRECTS = 5;
    private static final int LONGEST_LISTING = 64 << 20;

    /**
     * A file of a repository.
     *
     * @param path in it
     * @param size in bytes; negative when the hub does not say
     * @param blob what its content is known by: SHA-256 for large files, else git's SHA-1; empty when the hub does not say
     */
    record RemoteFile(String path, long size, String blob) {
        boolean sha256() {
            return blob.length() == 64;
        }
    }

    /**
     * A repository at one commit.
     *
     * @param commit hex
     * @param files by their paths
     */
    record Listing(String commit, List<RemoteFile> files) {}

    private final HubSettings settings;
    private final HttpClient http;

    HubClient(HubSettings settings) {
        this.settings = settings;
        this.http = HttpClient.newBuilder()
                .connectTimeout(settings.patience().silence())
                .followRedirects(HttpClient.Redirect.NEVER)
                .build();
    }

    /**
     * What a repository holds.
     *
     * @throws FootholdException NOT_FOUND, FORBIDDEN or PEER_UNAVAILABLE in words for people
     */
    Listing list(HubName name) throws IOException {
        URI uri = URI.create(settings.endpoint() + "/api/" + name.kind().word() + "/" + name.id() + "/revision/"
                + name.revision().replace("/", "%2F") + "?blobs=true");
        HttpResponse<InputStream> response = send(uri, 0);
        try (InputStream body = response.body()) {
            check(response, name, "");
            JsonNode json = MAPPER.readTree(new String(body.readNBytes(LONGEST_LISTING), StandardCharsets.UTF_8));
            String commit = json.path("sha").asText();
            if (!commit.matches("[0-9a-f]{7,64}") || !json.path("siblings").isArray()) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "the hub " + settings.endpoint() + " answers, but not as a hub does");
            }
            List<RemoteFile> files = new ArrayList<>();
            for (JsonNode file : json.path("siblings")) {
                String path = file.path("rfilename").asText();
                if (path.isEmpty()
                        || path.startsWith("/")
                        || List.of(path.split("/", -1)).contains("..")
                        || path.contains("\\")) {
                    throw new FootholdException(
                            ErrorCode.PEER_UNAVAILABLE,
                            "the hub " + settings.endpoint() + " lists the file '" + path
                                    + "', which leads out of its repository");
                }
                String large = file.path("lfs").path("sha256").asText();
                String blob = large.isEmpty() ? file.path("blobId").asText() : large;
                files.add(new RemoteFile(
                        path, file.path("size").asLong(-1), blob.matches("[0-9a-f]{40}|[0-9a-f]{64}") ? blob : ""));
            }
            return new Listing(commit, files);
        } catch (JsonProcessingException e) {
            throw new FootholdException(
                    ErrorCode.PEER_UNAVAILABLE, "the hub " + settings.endpoint() + " answers, but not with JSON", e);
        }
    }

    /**
     * A file from a byte on.
     *
     * @return with status 206 when it begins there, 200 when it begins at the file's first byte
     */
    HttpResponse<InputStream> open(HubName name, String file, long from) throws IOException {
        StringBuilder path = new StringBuilder();
        for (String part : file.split("/")) {
            path.append('/')
                    .append(java.net.URLEncoder.encode(part, StandardCharsets.UTF_8)
                            .replace("+", "%20"));
        }
        URI uri = URI.create(settings.endpoint() + "/" + name.kind().before() + name.id() + "/resolve/"
                + name.revision().replace("/", "%2F") + path);
        HttpResponse<InputStream> response = send(uri, from);
        if (response.statusCode() != 206) {
            try {
                check(response, name, file);
            } catch (FootholdException | IOException e) {
                response.body().close();
                throw e;
            }
        }
        return response;
    }

    private HttpResponse<InputStream> send(URI first, long from) throws IOException {
        URI uri = first;
        for (int i = 0; i <= MOST_REDIRECTS; i++) {
            HttpRequest.Builder request = HttpRequest.newBuilder(uri)
                    .timeout(settings.patience().silence())
                    .header("User-Agent", "foothold");
            if (from > 0) {
                request.header("Range", "bytes=" + from + "-");
            }
            if (own(uri)) {
                settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
            }
            HttpResponse<InputStream> response;
            try {
                response = http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
            }
            Optional<String> elsewhere = response.statusCode() / 100 == 3 && response.statusCode() != 304
                    ? response.headers().firstValue("Location")
                    : Optional.empty();
            if (elsewhere.isEmpty()) {
                return response;
            }
            response.body().close();
            uri = uri.resolve(elsewhere.get());
        }
        throw new IOException("more than " + MOST_REDIRECTS + " redirections");
    }

    /** Whether the token is for that host. */
    private boolean own(URI uri) {
        URI hub = URI.create(settings.endpoint());
        return hub.getHost().equalsIgnoreCase(uri.getHost())
                && hub.getPort() == uri.getPort()
                && hub.getScheme().equals(uri.getScheme());
    }

    /** In words for people; what a retry can help is an IOException. */
    private void check(HttpResponse<InputStream> response, HubName name, String file) throws IOException {
        int status = response.statusCode();
        if (status == 200) {
            return;
        }
        String code = response.headers().firstValue("X-Error-Code").orElse("");
        String what = name.kind() == HubName.Kind.MODEL ? "model" : "data set";
        String hub = " (status " + status + " of " + settings.endpoint() + ")";
        String token =
                settings.token().isPresent() ? "the token of HF_TOKEN has no access to it" : "HF_TOKEN is not set";
        if (code.equals("GatedRepo") || status == 403) {
            throw new FootholdException(
                    ErrorCode.FORBIDDEN,
                    what + " " + name.id() + " is gated: " + token + "; accept its terms at " + settings.endpoint()
                            + "/" + name.kind().before() + name.id() + " and give a token in HF_TOKEN" + hub);
        }
        if (status == 401) {
            throw new FootholdException(
                    ErrorCode.FORBIDDEN, what + " " + name.id() + " does not exist or is private: " + token + hub);
        }
        if (code.equals("RevisionNotFound")) {
            throw new FootholdException(
                    ErrorCode.NOT_FOUND, what + " " + name.id() + " has no revision '" + name.revision() + "'" + hub);
        }
        if (status == 404) {
            throw new FootholdException(
                    ErrorCode.NOT_FOUND,
                    file.isEmpty()
                            ? "there is no " + what + " " + name + hub
                            : what + " " + name + " has no file " + file + hub);
        }
        if (status == 408 || status == 429 || status == 416 || status >= 500) {
            throw new IOException("status " + status + " of " + settings.endpoint());
        }
        throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the hub refuses " + what + " " + name + hub);
    }
}
