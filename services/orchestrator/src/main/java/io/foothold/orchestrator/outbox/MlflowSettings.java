package io.foothold.orchestrator.outbox;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.names.WebAddress;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Optional;

/**
 * An MLflow server, checked without asking it.
 *
 * @param server its address without a slash at the end
 * @param experiment the experiment that runs belong to
 * @param authorization value of the header of that name; a secret
 */
public record MlflowSettings(URI server, String experiment, Optional<String> authorization) {
    /** Where the address comes from. */
    static final String URI_KEY = "foothold.events.mlflow.uri";
    /** Where the name comes from. */
    static final String EXPERIMENT_KEY = "foothold.events.mlflow.experiment";
    /** Where a secret comes from. */
    static final String SECRET_KEY = "foothold.events.mlflow.secret-file";

    /** MLflow's own limit. */
    private static final int LONGEST_EXPERIMENT = 500;

    /**
     * Checks what was set.
     *
     * @param secret file with one line, {@code USER:PASSWORD} or a token
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} that names the setting
     */
    public static MlflowSettings of(String uri, String experiment, Optional<Path> secret) {
        if (experiment.isBlank() || experiment.length() > LONGEST_EXPERIMENT) {
            throw wrong(EXPERIMENT_KEY + " is '" + experiment + "'; expected a name of 1 to " + LONGEST_EXPERIMENT
                    + " characters");
        }
        return new MlflowSettings(server(uri), experiment, secret.map(MlflowSettings::authorization));
    }

    private static URI server(String uri) {
        if (WebAddress.holdsUser(uri)) {
            throw wrong(URI_KEY + " holds a user, which logs would show; " + SECRET_KEY + " is the place for it");
        }
        return WebAddress.of(uri)
                .orElseThrow(() -> wrong(URI_KEY + " is '" + uri
                        + "'; expected http://HOST:PORT or https://…, without user, query and fragment,"
                        + " the address of an MLflow server (directories and databases of MLflow are not written)"));
    }

    private static String authorization(Path file) {
        String line;
        try {
            line = Files.readString(file, StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            throw wrong(SECRET_KEY + ": " + file + " cannot be read: " + e);
        }
        if (line.isEmpty() || line.chars().anyMatch(c -> c <= ' ' || c >= 0x7f)) {
            throw wrong(
                    SECRET_KEY + ": " + file + " must hold one line of ASCII without spaces, USER:PASSWORD or a token");
        }
        return line.contains(":")
                ? "Basic " + Base64.getEncoder().encodeToString(line.getBytes(StandardCharsets.UTF_8))
                : "Bearer " + line;
    }

    private static FootholdException wrong(String text) {
        return new FootholdException(ErrorCode.INVALID_INPUT, text);
    }

    /** Shows no secret. */
    @Override
    public String toString() {
        return server + " experiment " + experiment;
    }
}
