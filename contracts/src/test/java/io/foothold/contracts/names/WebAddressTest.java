package io.foothold.contracts.names;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.contracts.error.Excerpt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WebAddressTest {
    @ParameterizedTest
    @ValueSource(strings = {"http://127.0.0.1:8000/v1", "https://a.example", "HTTP://a:1", "http://[::1]:9/x"})
    void anAddressIsTakenAsItIs(String text) {
        assertThat(WebAddress.of(text)).hasToString("Optional[" + text + "]");
        assertThat(WebAddress.of(text + "/"))
                .as("a slash at its end means nothing")
                .isEqualTo(WebAddress.of(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "a:8000",
                "file:///etc",
                "ftp://a/",
                "http://",
                "http://u:p@a/",
                "http://a/?q",
                "http://a/#f",
                "http://a b/",
                "http:a"
            })
    void whatIsNoneIsNot(String text) {
        assertThat(WebAddress.of(text)).isEmpty();
    }

    @Test
    void aUserIsSeenInWhatIsNoAddressToo() {
        assertThat(WebAddress.holdsUser("http://u:p@a/")).isTrue();
        assertThat(WebAddress.holdsUser("http://u:p w@a/")).isTrue();
        assertThat(WebAddress.holdsUser("http://a/@x")).isFalse();
        assertThat(WebAddress.holdsUser("a@b")).isFalse();
    }

    @Test
    void anExcerptIsTheBeginning() {
        assertThat(Excerpt.of("x".repeat(200))).hasSize(200);
        assertThat(Excerpt.of("x".repeat(201))).isEqualTo("x".repeat(200) + "…");
    }
}
