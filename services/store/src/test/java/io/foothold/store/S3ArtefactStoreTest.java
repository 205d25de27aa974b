package io.foothold.store;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The store against a server that is not ours. */
class S3ArtefactStoreTest {
    private static final long PART = 5 << 20;

    @TempDir
    static Path shared;

    private static S3Server server;

    @TempDir
    Path directory;

    @BeforeAll
    static void begin() throws Exception {
        server = new S3Server(shared.resolve("server"));
    }

    @AfterAll
    static void end() throws Exception {
        server.close();
    }

    private S3ArtefactStore store(String uri) {
        return S3ArtefactStore.of(server.config(uri, directory.resolve("cache")), PART);
    }

    private Path file(int bytes) throws Exception {
        byte[] content = new byte[bytes];
        new Random(7).nextBytes(content);
        return Files.write(directory.resolve("file"), content);
    }

    private static String digest(Path file) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    }

    @Test
    void aFileOfSeveralPartsComesBackAsItWas() throws Exception {
        Path file = file((int) (2 * PART + 4711));
        try (S3ArtefactStore store = store("s3://artefacts/several/parts")) {
            store.upload("run/artefacts/x", file, digest(file));
            store.upload("run/artefacts/x", file, digest(file));
            Path fetched = store.fetch(store.home().resolve("run/artefacts/x"), digest(file));
            assertThat(fetched).hasSameBinaryContentAs(file);
            assertThat(store.list("run")).singleElement().satisfies(o -> assertThat(o.name())
                    .isEqualTo("run/artefacts/x"));
            store.delete(List.of("run/artefacts/x", "run/artefacts/none"));
            assertThat(store.list("run")).isEmpty();
            assertThat(store.fetch(store.home().resolve("run/artefacts/x"), digest(file)))
                    .as("from the cache")
                    .isEqualTo(fetched);
        }
    }

    @Test
    void smallObjectsAreWrittenOverAndReadAndAbsentOnesAreEmpty() {
        try (S3ArtefactStore store = store("s3://artefacts")) {
            store.write("small/state.json", "one".getBytes(UTF_8));
            store.write("small/state.json", "two".getBytes(UTF_8));
            assertThat(store.read("small/state.json"))
                    .hasValueSatisfying(b -> assertThat(b).asString(UTF_8).isEqualTo("two"));
            assertThat(store.read("small/none")).isEmpty();
            assertThatThrownBy(() -> store.fetch(store.home().resolve("small/none"), "0".repeat(64)))
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND));
        }
    }

    @Test
    void otherBytesThanNamedAreRefusedAndNothingOfThemStays() throws Exception {
        Path file = file(100_000);
        try (S3ArtefactStore store = store("s3://artefacts/other")) {
            store.upload("x", file, digest(file));
            assertThatThrownBy(() -> store.fetch(store.home().resolve("x"), "0".repeat(64)))
                    .isInstanceOf(FootholdException.class)
                    .hasMessageContaining("s3://artefacts/other/x is damaged or another one");
            assertThat(directory.resolve("cache")).isEmptyDirectory();
        }
    }

    /** What a process that was killed had got of it. */
    @Test
    void aFetchGoesOnWhereItWasCutOffAndBeginsAgainWhenThatWasOfOtherBytes() throws Exception {
        Path file = file(3_000_000);
        String digest = digest(file);
        byte[] half = java.util.Arrays.copyOf(Files.readAllBytes(file), 1_500_000);
        try (S3ArtefactStore store = store("s3://artefacts/resumed")) {
            store.upload("x", file, digest);
            Path cache = Files.createDirectories(directory.resolve("cache"));
            for (byte[] before : List.of(half, new byte[1000], Files.readAllBytes(file))) {
                Files.deleteIfExists(cache.resolve(digest));
                Files.write(cache.resolve("." + digest + ".part"), before);
                assertThat(store.fetch(store.home().resolve("x"), digest)).hasSameBinaryContentAs(file);
            }
        }
    }

    @Test
    void anUploadThatWasNotEndedIsNotThereAndIsForgotten() throws Exception {
        try (S3ArtefactStore store = store("s3://artefacts/unended")) {
            try (var client = S3Clients.of(server.config("s3://artefacts", directory))) {
                client.createMultipartUpload(b -> b.bucket("artefacts").key("unended/run/x"));
                assertThat(store.list("run")).isEmpty();
                store.forgetUnended("run");
                assertThat(client.listMultipartUploads(b -> b.bucket("artefacts"))
                                .uploads())
                        .isEmpty();
            }
        }
    }

    @Test
    void anAbsentBucketIsToldWithItsSetting() throws Exception {
        try (S3ArtefactStore store = store("s3://no-such-bucket/x")) {
            assertThatThrownBy(store::check)
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND))
                    .hasMessageContaining("no-such-bucket")
                    .hasMessageContaining("foothold.store.uri");
            Path file = file(10);
            String digest = digest(file);
            assertThatThrownBy(() -> store.upload("x", file, digest)).hasMessageContaining("foothold.store.uri");
        }
    }

    @Test
    void aFileThatIsNotWhatItIsSaidToBeIsNotSent() throws Exception {
        Path file = file(10);
        try (S3ArtefactStore store = store("s3://artefacts/changed")) {
            assertThatThrownBy(() -> store.upload("run/x", file, "0".repeat(64)))
                    .hasMessageContaining("changed while it was sent");
            assertThat(store.list("run")).isEmpty();
        }
    }
}
