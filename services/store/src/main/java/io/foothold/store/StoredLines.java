package io.foothold.store;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreConfig;
import io.foothold.contracts.files.StoreUri;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.core.ResponseBytes;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;

/**
 * Lines of text in one object, to which several writers add: each writes the whole object anew on the condition that it is still what it
 * read, so no line is lost. The store must know conditional writes (If-Match and If-None-Match on PutObject).
 *
 * <p>Every method throws {@link FootholdException} as {@link ArtefactStore}'s do. Thread-safe.
 */
public final class StoredLines implements AutoCloseable {
    /** Others came first this often: there is something wrong with the store. */
    private static final int ATTEMPTS = 20;

    private static final Duration PAUSE = Duration.ofMillis(50);
    private static final int PRECONDITION_FAILED = 412;
    private static final int CONFLICT = 409;

    private final S3Client client;
    private final StoreUri object;
    private final S3Failures failures;

    private StoredLines(S3Client client, StoreUri object, S3Failures failures) {
        this.client = client;
        this.object = object;
        this.failures = failures;
    }

    /**
     * Lines of an object, which need not be there yet.
     *
     * @param config where the store is and what it takes; its address of runs does not matter
     * @throws FootholdException INVALID_INPUT naming the setting when one is wrong
     */
    public static StoredLines of(StoreConfig config, StoreUri object) {
        return new StoredLines(
                S3Clients.of(config),
                object,
                new S3Failures(object, config.endpoint().orElse("Amazon S3")));
    }

    /** The object as it was read. */
    record Version(String text, Optional<String> tag) {}

    /** All lines, none where there is no object. */
    public List<String> read() {
        return version().text().lines().toList();
    }

    Version version() {
        return failures.asking("reading " + object, () -> {
            try {
                ResponseBytes<GetObjectResponse> found =
                        client.getObjectAsBytes(b -> b.bucket(object.bucket()).key(object.key()));
                return new Version(
                        found.asString(StandardCharsets.UTF_8),
                        Optional.of(found.response().eTag()));
            } catch (NoSuchKeyException e) {
                return new Version("", Optional.empty());
            }
        });
    }

    /** Adds lines behind those that are there. */
    public void add(List<String> lines) {
        String added = String.join("\n", lines) + "\n";
        String wanted = "";
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            Version before = version();
            // An attempt whose answer was lost is made again, and refused, though it was the first one that changed the
            // object.
            if (!wanted.isEmpty() && before.text().startsWith(wanted)) {
                return;
            }
            String gap = before.text().isEmpty() || before.text().endsWith("\n") ? "" : "\n";
            wanted = before.text() + gap + added;
            if (written(before, wanted)) {
                return;
            }
            try {
                Thread.sleep(PAUSE.multipliedBy(attempt));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new FootholdException(ErrorCode.CANCELLED, "interrupted while writing " + object, e);
            }
        }
        throw new FootholdException(
                ErrorCode.CONFLICT,
                object + ": others wrote it " + ATTEMPTS
                        + " times between our reading and our writing; nothing was added");
    }

    /** Whether it was still what it had been. */
    boolean written(Version before, String text) {
        PutObjectRequest.Builder put =
                PutObjectRequest.builder().bucket(object.bucket()).key(object.key());
        before.tag().ifPresentOrElse(put::ifMatch, () -> put.ifNoneMatch("*"));
        return failures.asking("writing " + object, () -> {
            try {
                client.putObject(put.build(), RequestBody.fromString(text, StandardCharsets.UTF_8));
                return true;
            } catch (S3Exception e) {
                if (e.statusCode() == PRECONDITION_FAILED || e.statusCode() == CONFLICT) {
                    return false;
                }
                throw e;
            }
        });
    }

    @Override
    public void close() {
        client.close();
    }
}
