package io.foothold.contracts.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Paths of requests stay below the roots, and refusals tell nothing. */
class RootsTest {
    @TempDir
    Path temporary;

    private Path inside;
    private Path outside;
    private Roots roots;

    @BeforeEach
    void lay() throws IOException {
        inside = Files.createDirectories(temporary.resolve("inside"));
        outside = Files.createDirectories(temporary.resolve("outside"));
        Files.writeString(inside.resolve("a.jsonl"), "{}");
        Files.writeString(outside.resolve("secret"), "root:x:0");
        roots = Roots.of(List.of(inside));
    }

    private static String refusal(Runnable call) {
        try {
            call.run();
        } catch (FootholdException e) {
            assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT);
            return e.text();
        }
        throw new AssertionError("not refused");
    }

    @Test
    void whatLiesBelowIsGiven() throws IOException {
        assertThat(roots.regularFile("problem file", inside.resolve("a.jsonl").toString()))
                .isEqualTo(inside.toRealPath().resolve("a.jsonl"));
        assertThat(roots.directory("base policy", inside + "/./x/..")).isEqualTo(inside.toRealPath());
        assertThat(roots.locate("artefact", inside.resolve("new").toUri().toString()))
                .isEqualTo(new Location.LocalFile(inside.toRealPath().resolve("new")));
    }

    @Test
    void aSingleFileCanBeARoot() {
        Roots one = Roots.of(List.of(inside.resolve("a.jsonl")));
        assertThat(one.regularFile("problem file", inside.resolve("a.jsonl").toString()))
                .exists();
        assertThat(refusal(() ->
                        one.resolve("problem file", inside.resolve("b.jsonl").toString())))
                .contains("outside");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"/etc/shadow", "/proc/self/environ", "/etc/not-there", "../outside/secret", "", "/", "inside-not"
            })
    void whatLiesOutsideIsRefusedInTheSameWordsWhetherItExistsOrNot(String given) {
        String path = given.startsWith("..") ? inside.resolve(given).toString() : given;
        assertThat(refusal(() -> roots.regularFile("problem file", path)))
                .startsWith("problem file '" + path + "' lies outside the directories that this service may read")
                .contains(Roots.KEY)
                .doesNotContain("root:x");
    }

    @Test
    void linksThatLeadOutAreRefusedWhetherTheirTargetExistsOrNot() throws IOException {
        Files.createSymbolicLink(inside.resolve("file"), outside.resolve("secret"));
        Files.createSymbolicLink(inside.resolve("directory"), outside);
        Files.createSymbolicLink(inside.resolve("nowhere"), outside.resolve("not-there"));
        Files.createSymbolicLink(inside.resolve("up"), Path.of("../outside/not-there"));
        for (String name :
                List.of("file", "directory/secret", "directory/not-there", "nowhere", "up", "directory/../../x")) {
            assertThat(refusal(() -> roots.regularFile("problem file", inside + "/" + name)))
                    .as(name)
                    .contains("outside the directories");
        }
        Files.createSymbolicLink(inside.resolve("b.jsonl"), Path.of("a.jsonl"));
        assertThat(roots.regularFile("problem file", inside + "/b.jsonl")).exists();
    }

    /** Each step of such a path is inside, and so is where its text seems to lead. */
    @Test
    void linksIntoNowhereAreFollowedNameByName() throws IOException {
        Files.createDirectories(outside.resolve("deep/er"));
        Files.createSymbolicLink(inside.resolve("door"), outside.resolve("deep/er"));
        Files.createSymbolicLink(inside.resolve("through"), Path.of("door/not-there"));
        Files.createSymbolicLink(inside.resolve("first"), Path.of("second"));
        Files.createSymbolicLink(inside.resolve("second"), outside.resolve("not-there"));
        Files.createSymbolicLink(inside.resolve("back"), Path.of("door/../not-there"));
        Files.createSymbolicLink(inside.resolve("round"), Path.of("round/../round"));
        for (String name : List.of("through", "first", "back", "first/x", "round/not-there")) {
            assertThat(refusal(() -> roots.resolve("problem file", inside + "/" + name)))
                    .as(name)
                    .contains("outside the directories");
        }
        Files.createSymbolicLink(inside.resolve("later"), Path.of("x/../not-yet"));
        assertThat(roots.resolve("problem file", inside + "/later"))
                .isEqualTo(inside.toRealPath().resolve("not-yet"));
    }

    @Test
    void aDirectoryWhoseLinksLeadOutIsRefused() throws IOException {
        Path blobs = Files.createDirectories(inside.resolve("blobs"));
        Files.writeString(blobs.resolve("abc"), "weights");
        Path snapshot = Files.createDirectories(inside.resolve("snapshots/1"));
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../../blobs/abc"));
        assertThat(roots.directory("base policy", snapshot.toString())).exists();
        assertThat(refusal(() -> Roots.of(List.of(snapshot)).directory("base policy", snapshot.toString())))
                .as("a snapshot without its store")
                .contains("the target of the link", "model.safetensors", "outside the directories");
        int number = 2;
        for (Path target : List.of(outside.resolve("secret"), outside.resolve("not-there"), outside)) {
            Path own = Files.createDirectories(inside.resolve("snapshots/" + number++));
            Path below = Files.createDirectories(own.resolve("original"));
            Files.createSymbolicLink(below.resolve("tokenizer.json"), target);
            assertThat(refusal(() -> roots.directory("base policy", own.toString())))
                    .contains("the target of the link", "tokenizer.json")
                    .doesNotContain("root:x");
        }
    }

    @Test
    void loopsAndOtherKindsOfFilesAreRefused() throws Exception {
        Files.createSymbolicLink(inside.resolve("loop"), inside.resolve("loop"));
        assertThatThrownBy(() -> roots.regularFile("problem file", inside + "/loop"))
                .isInstanceOf(FootholdException.class);
        assertThat(new ProcessBuilder("mkfifo", inside + "/pipe").start().waitFor())
                .isZero();
        assertThat(refusal(() -> roots.regularFile("problem file", inside + "/pipe")))
                .contains("no regular file");
        assertThat(refusal(() -> roots.regularFile("problem file", inside.toString())))
                .contains("no regular file");
        assertThat(refusal(() -> roots.directory("base policy", inside + "/a.jsonl")))
                .contains("no directory");
        assertThatThrownBy(() -> roots.regularFile("problem file", inside + "/none"))
                .hasMessageContaining("does not exist")
                .extracting(t -> ((FootholdException) t).code())
                .isEqualTo(ErrorCode.NOT_FOUND);
        assertThatThrownBy(() -> roots.regularFile("problem file", inside + "/a.jsonl/b"))
                .isInstanceOf(FootholdException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://host/x", "s3://bucket/x", "x", "file:", "file:///a b", "file:relative"})
    void otherUrisAreRefused(String uri) {
        assertThat(refusal(() -> roots.locate("artefact", uri))).startsWith("artefact");
    }

    @Test
    void whatLiesBelowThePrefixOfTheStoreIsFound() {
        Roots own = roots.with(Optional.of(StoreUri.parse("store", "s3://bucket/a/b/")));
        assertThat(own.locate("artefact", "s3://bucket/a/b/run/x.safetensors"))
                .isEqualTo(new StoreUri("bucket", "a/b/run/x.safetensors"))
                .hasToString("s3://bucket/a/b/run/x.safetensors");
        assertThat(own.locate("artefact", "file://" + inside + "/a.jsonl")).isInstanceOf(Location.LocalFile.class);
        Roots whole = roots.with(Optional.of(StoreUri.parse("store", "s3://bucket")));
        assertThat(whole.locate("artefact", "s3://bucket/x")).hasToString("s3://bucket/x");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "s3://bucket/a/bc/x",
                "s3://bucket/a/b",
                "s3://bucket/a",
                "s3://bucket",
                "s3://other/a/b/x",
                "s3://bucket/a/b/../../x",
                "s3://bucket/a/b/./x",
                "s3://bucket/a/b//x",
                "s3://bucket/a/b/%2e%2e/x",
                "s3://bucket/a/b/x?versionId=1",
                "s3://user@bucket/a/b/x",
                "S3://bucket/a/b/x",
                "s3:/bucket/a/b/x"
            })
    void whatLiesOutsideThePrefixOfTheStoreIsRefused(String uri) {
        Roots own = roots.with(Optional.of(StoreUri.parse("store", "s3://bucket/a/b")));
        assertThat(refusal(() -> own.locate("artefact", uri))).startsWith("artefact");
    }

    @Test
    void withoutAStoreTheRefusalNamesItsSetting() {
        assertThat(refusal(() -> roots.locate("artefact", "s3://bucket/x"))).contains(StoreConfig.URI);
    }
}
