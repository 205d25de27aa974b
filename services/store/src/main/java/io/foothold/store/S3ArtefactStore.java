package io.foothold.store;

import com.google.common.io.ByteStreams;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreConfig;
import io.foothold.contracts.files.StoreUri;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jboss.logging.Logger;
import software.amazon.awssdk.core.ResponseInputStream;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.GetObjectResponse;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.ListObjectsV2Response;
import software.amazon.awssdk.services.s3.model.MultipartUpload;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/** Artefacts in S3, or in a store that speaks it. */
public final class S3ArtefactStore implements ArtefactStore {
    private static final Logger LOG = Logger.getLogger(S3ArtefactStore.class);
    /** Two parts of a large file in flight would not be faster on one connection; smaller ones cost a request each. */
    private static final long PART = 16L << 20;
    /** S3 knows as many. */
    private static final int MOST_PARTS = 10_000;

    private static final int SMALL = 1 << 20;
    private static final String DIGEST = "sha256";
    private static final String OCTETS = "application/octet-stream";

    private final S3Client client;
    private final StoreUri home;
    private final S3Failures failures;
    private final ArtefactCache cache;
    private final long partBytes;

    /**
     * The store that is configured. Whoever makes it closes it.
     *
     * @throws FootholdException INVALID_INPUT naming the setting when one is wrong
     */
    public static S3ArtefactStore of(StoreConfig config) {
        return of(config, PART);
    }

    /** The same with parts of another size, at least 5 MiB. */
    static S3ArtefactStore of(StoreConfig config, long partBytes) {
        String uri = config.uri()
                .orElseThrow(() -> new FootholdException(
                        ErrorCode.INVALID_INPUT, StoreConfig.URI + ": no object store is configured"));
        StoreUri home = StoreUri.parse(StoreConfig.URI, uri);
        Path cache = Path.of(config.cache()
                .orElse(Path.of(System.getProperty("java.io.tmpdir"), "foothold-store")
                        .toString()));
        return new S3ArtefactStore(
                S3Clients.of(config), home, config.endpoint().orElse("Amazon S3"), new ArtefactCache(cache), partBytes);
    }

    private S3ArtefactStore(S3Client client, StoreUri home, String address, ArtefactCache cache, long partBytes) {
        this.client = client;
        this.home = home;
        this.failures = new S3Failures(home, address);
        this.cache = cache;
        this.partBytes = partBytes;
    }

    @Override
    public StoreUri home() {
        return home;
    }

    private String key(String name) {
        return home.resolve(name).key();
    }

    private String below(String key) {
        return home.key().isEmpty() ? key : key.substring(home.key().length() + 1);
    }

    @Override
    public void upload(String name, Path file, String sha256) {
        String what = "writing " + name;
        failures.asking(what, () -> {
            try {
                long size = Files.size(file);
                if (!isThere(name, size, sha256)) {
                    if (!ArtefactCache.digest(file).equals(sha256)) {
                        throw new FootholdException(
                                ErrorCode.STORAGE, file + " changed while it was sent: its SHA-256 is not " + sha256);
                    }
                    if (size <= partBytes) {
                        client.putObject(
                                b -> b.bucket(home.bucket()).key(key(name)).metadata(Map.of(DIGEST, sha256)),
                                RequestBody.fromFile(file));
                    } else {
                        uploadParts(name, file, size, sha256);
                    }
                }
                return true;
            } catch (IOException | UncheckedIOException e) {
                throw new FootholdException(ErrorCode.STORAGE, file + " cannot be read: " + e.getMessage(), e);
            }
        });
    }

    private boolean isThere(String name, long size, String sha256) {
        try {
            HeadObjectResponse head =
                    client.headObject(b -> b.bucket(home.bucket()).key(key(name)));
            return head.contentLength() == size && sha256.equals(head.metadata().get(DIGEST));
        } catch (S3Exception e) {
            // Without the right to list, S3 says of an absent object that it is forbidden.
            if (e.statusCode() == 404 || e.statusCode() == 403) {
                return false;
            }
            throw e;
        }
    }

    private void uploadParts(String name, Path file, long size, String sha256) {
        String upload = client.createMultipartUpload(
                        b -> b.bucket(home.bucket()).key(key(name)).metadata(Map.of(DIGEST, sha256)))
                .uploadId();
        boolean whole = false;
        try {
            long length = Math.max(partBytes, (size + MOST_PARTS - 1) / MOST_PARTS);
            List<CompletedPart> parts = new ArrayList<>();
            for (long at = 0; at < size; at += length) {
                int number = parts.size() + 1;
                long from = at;
                long bytes = Math.min(length, size - at);
                String tag = client.uploadPart(
                                b -> b.bucket(home.bucket())
                                        .key(key(name))
                                        .uploadId(upload)
                                        .partNumber(number),
                                RequestBody.fromContentProvider(() -> piece(file, from, bytes), bytes, OCTETS))
                        .eTag();
                parts.add(CompletedPart.builder().partNumber(number).eTag(tag).build());
            }
            client.completeMultipartUpload(
                    b -> b.bucket(home.bucket()).key(key(name)).uploadId(upload).multipartUpload(m -> m.parts(parts)));
            whole = true;
        } finally {
            if (!whole) {
                abort(key(name), upload);
            }
        }
    }

    /** A piece of a file, which is opened for each attempt. */
    private static InputStream piece(Path file, long from, long bytes) {
        try {
            FileChannel channel =
                    FileChannel.open(file, StandardOpenOption.READ).position(from);
            return ByteStreams.limit(Channels.newInputStream(channel), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void abort(String key, String upload) {
        try {
            client.abortMultipartUpload(b -> b.bucket(home.bucket()).key(key).uploadId(upload));
        } catch (SdkException e) {
            // What is kept of it is forgotten when the run is opened again.
            LOG.debugf("the upload of %s was not ended: %s", key, e.getMessage());
        }
    }

    @Override
    public void write(String name, byte[] content) {
        failures.asking(
                "writing " + name,
                () -> client.putObject(b -> b.bucket(home.bucket()).key(key(name)), RequestBody.fromBytes(content)));
    }

    @Override
    public Optional<byte[]> read(String name) {
        return failures.asking("reading " + name, () -> {
            try (ResponseInputStream<GetObjectResponse> in =
                    client.getObject(b -> b.bucket(home.bucket()).key(key(name)))) {
                byte[] content = in.readNBytes(SMALL + 1);
                if (content.length > SMALL) {
                    in.abort();
                    throw new FootholdException(
                            ErrorCode.INVALID_DATA,
                            home.resolve(name) + " is longer than " + SMALL + " bytes (expected a small text)");
                }
                return Optional.of(content);
            } catch (NoSuchKeyException e) {
                return Optional.empty();
            } catch (IOException e) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "reading " + home.resolve(name) + ": " + e.getMessage(), e);
            }
        });
    }

    @Override
    public void download(String name, Path file, String sha256) {
        cache.bring(home.resolve(name), file, sha256, (from, to) -> copy(name, from, to));
    }

    @Override
    public Path fetch(StoreUri uri, String sha256) {
        return cache.file(uri, sha256, (from, to) -> copy(below(uri.key()), from, to));
    }

    /** Appends what an object has from some byte on. */
    private void copy(String name, long from, FileChannel to) throws IOException {
        failures.asking("reading " + name, () -> {
            try (ResponseInputStream<GetObjectResponse> in = client.getObject(
                    b -> b.bucket(home.bucket()).key(key(name)).range(from == 0 ? null : "bytes=" + from + "-"))) {
                byte[] buffer = new byte[1 << 16];
                for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                    ByteBuffer bytes = ByteBuffer.wrap(buffer, 0, n);
                    while (bytes.hasRemaining()) {
                        to.write(bytes);
                    }
                }
                return true;
            } catch (S3Exception e) {
                if (e.statusCode() == 416) {
                    // There is nothing behind what came before.
                    return true;
                }
                throw e;
            } catch (IOException e) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "reading " + home.resolve(name) + " was cut off: " + e.getMessage(),
                        e);
            }
        });
    }

    @Override
    public List<Stored> list(String prefix) {
        return failures.asking("listing " + prefix, () -> {
            List<Stored> out = new ArrayList<>();
            String from = key(prefix) + "/";
            for (ListObjectsV2Response page :
                    client.listObjectsV2Paginator(b -> b.bucket(home.bucket()).prefix(from))) {
                for (S3Object object : page.contents()) {
                    out.add(new Stored(below(object.key()), object.lastModified()));
                }
            }
            return out;
        });
    }

    @Override
    public void delete(Collection<String> names) {
        // One by one: stores that only speak S3 do not all know how to delete many.
        names.forEach(name -> failures.asking(
                "deleting " + name,
                () -> client.deleteObject(b -> b.bucket(home.bucket()).key(key(name)))));
    }

    @Override
    public void forgetUnended(String prefix) {
        failures.asking("listing uploads of " + prefix, () -> {
            String from = key(prefix) + "/";
            for (MultipartUpload upload : client.listMultipartUploadsPaginator(
                            b -> b.bucket(home.bucket()).prefix(from))
                    .uploads()) {
                abort(upload.key(), upload.uploadId());
            }
            return true;
        });
    }

    @Override
    public void check() {
        failures.asking(
                "asking",
                () -> client.listObjectsV2(b -> b.bucket(home.bucket())
                        .prefix(home.key().isEmpty() ? null : home.key() + "/")
                        .maxKeys(1)));
    }

    @Override
    public void close() {
        client.close();
    }
}
