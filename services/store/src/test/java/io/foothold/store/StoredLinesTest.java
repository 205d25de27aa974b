package io.foothold.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.StoreUri;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Lines against a server that is not ours. */
class StoredLinesTest {
    @TempDir
    static Path shared;

    private static S3Server server;

    @BeforeAll
    static void begin() throws Exception {
        server = new S3Server(shared.resolve("server"));
    }

    @AfterAll
    static void end() throws Exception {
        server.close();
    }

    private static StoredLines lines(String uri) {
        return StoredLines.of(server.config(uri, shared.resolve("cache")), StoreUri.parse("test", uri));
    }

    @Test
    void linesComeBehindThoseThatAreThere() {
        try (StoredLines lines = lines("s3://artefacts/regress/one.jsonl")) {
            assertThat(lines.read()).isEmpty();
            lines.add(List.of("α"));
            lines.add(List.of("b", "c"));
            assertThat(lines.read()).containsExactly("α", "b", "c");
        }
    }

    /** Each writes on the condition that nobody else did: what came between is read again and kept. */
    @Test
    void whatAnotherWroteBetweenReadingAndWritingIsKept() {
        String object = "s3://artefacts/regress/several.jsonl";
        try (StoredLines one = lines(object);
                StoredLines other = lines(object)) {
            StoredLines.Version absent = one.version();
            other.add(List.of("first"));
            assertThat(one.written(absent, "lost\n")).isFalse();
            StoredLines.Version first = one.version();
            other.add(List.of("second"));
            assertThat(one.written(first, "first\nlost\n")).isFalse();
            one.add(List.of("third"));
            assertThat(other.read()).containsExactly("first", "second", "third");
        }
    }

    @Test
    void aBucketThatIsNotThereIsNamed() {
        try (StoredLines lines = lines("s3://nowhere/regress.jsonl")) {
            assertThatThrownBy(lines::read)
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND))
                    .hasMessageContaining("no bucket 'nowhere'");
        }
    }
}
