package io.foothold.contracts.names;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NameTest {
    @ParameterizedTest
    @ValueSource(strings = {"best", "a", "0", "2026-11-28_run.3", "A.b-c_d", "x."})
    void ordinaryNamesAreRightBelowTheirDirectory(String text) {
        Path root = Path.of("home", "runs");
        assertThat(Name.of("run id", text).below(root))
                .isEqualTo(root.toAbsolutePath().resolve(text))
                .isAbsolute();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ".",
                "..",
                "../x",
                "../../../../x",
                "/any/dir",
                "a/b",
                "a\\b",
                "a..b",
                ".hidden",
                "-flag",
                "a b",
                "a\n",
                "a\u0000b",
                "C:",
                "%2e%2e",
                "käse",
                "a\u2215b",
                "\uff0e\uff0e"
            })
    void whatCouldLeaveADirectoryIsNoName(String text) {
        assertThat(Name.accepts(text)).isFalse();
        assertThatThrownBy(() -> Name.of("label", text))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT))
                .hasMessageContaining("label '" + text + "' must be 1 to 100 letters");
        assertThatThrownBy(() -> new Name(text)).isInstanceOf(FootholdException.class);
    }

    @Test
    void longTextsAreNeitherNamesNorQuotedWhole() {
        assertThat(Name.accepts("x".repeat(100))).isTrue();
        assertThatThrownBy(() -> Name.of("run id", "x".repeat(5000)))
                .hasMessageContaining("…' (5000 characters)")
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(400));
    }
}
