package io.foothold.cli.machine;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.FootholdException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What happens without the launcher; with it {@code .ci/run} tries the commands themselves under {@code LC_ALL=C}. */
class TextEncodingTest {
    @ParameterizedTest
    @ValueSource(strings = {"ANSI_X3.4-1968", "ISO-8859-1", "US-ASCII", "no such encoding?", ""})
    void argumentsThatWereDecodedWronglyAreRefused(String encoding) {
        assertThatThrownBy(() -> TextEncoding.check(encoding, "verify", "--gold", "\uFFFD\uFFFD"))
                .isInstanceOf(FootholdException.class)
                .hasMessageContainingAll("argument 3", encoding, "LC_ALL=C.UTF-8");
        assertThatCode(() -> TextEncoding.check(encoding, "verify", "--gold", "\\pi"))
                .doesNotThrowAnyException();
    }

    @Test
    void argumentsOfAnUtf8LocaleAreTaken() {
        assertThatCode(() -> TextEncoding.check("UTF-8", "verify", "--gold", "π"))
                .doesNotThrowAnyException();
        assertThatCode(() -> TextEncoding.check("utf8", "ü")).doesNotThrowAnyException();
    }
}
