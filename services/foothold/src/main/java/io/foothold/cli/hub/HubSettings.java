package io.foothold.cli.hub;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Which hub is asked, and where what came of it lies: the variables that Hugging Face's own tools know.
 *
 * @param endpoint base address of the hub (HF_ENDPOINT)
 * @param token shown to that host alone (HF_TOKEN)
 * @param cache directory of the repositories (HF_HUB_CACHE, or hub in HF_HOME)
 * @param offline whether nobody is asked (HF_HUB_OFFLINE)
 * @param patience after which a hub that sends nothing is given up, and the first pause before it is asked again
 */
public record HubSettings(String endpoint, Optional<String> token, Path cache, boolean offline, Patience patience) {
    /**
     * Times.
     *
     * @param silence longest time without a byte
     * @param pause before the second attempt; doubles
     */
    public record Patience(Duration silence, Duration pause) {}

    /** What the environment says. */
    public static HubSettings of(Map<String, String> environment) {
        String home = given(environment, "HF_HOME").orElseGet(() -> given(environment, "XDG_CACHE_HOME")
                .map(cache -> cache + "/huggingface")
                .orElse(System.getProperty("user.home") + "/.cache/huggingface"));
        String endpoint = given(environment, "HF_ENDPOINT")
                .orElse("https://huggingface.co")
                .replaceFirst("/+$", "");
        try {
            URI uri = URI.create(endpoint);
            if (uri.getHost() == null || !endpoint.matches("https?://.*")) {
                throw new IllegalArgumentException();
            }
        } catch (IllegalArgumentException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "HF_ENDPOINT: '" + endpoint + "' is no address (expected https://HOST)",
                    e);
        }
        return new HubSettings(
                endpoint,
                given(environment, "HF_TOKEN").map(String::strip),
                Path.of(given(environment, "HF_HUB_CACHE").orElse(home + "/hub"))
                        .toAbsolutePath()
                        .normalize(),
                given(environment, "HF_HUB_OFFLINE")
                        .filter(v -> v.matches("(?i)1|true|yes|on"))
                        .isPresent(),
                new Patience(Duration.ofMinutes(1), Duration.ofSeconds(1)));
    }

    private static Optional<String> given(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name)).filter(v -> !v.isBlank());
    }

    /** Without the token. */
    @Override
    public String toString() {
        return endpoint + (token.isPresent() ? " with a token" : "") + ", cache " + cache
                + (offline ? ", offline" : "");
    }
}
