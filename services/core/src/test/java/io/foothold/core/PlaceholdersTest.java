package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.prompt.Placeholders;
import java.util.Map;
import org.junit.jupiter.api.Test;

class PlaceholdersTest {
    @Test
    void valuesAreNotFilledAgainAndUnknownNamesStay() {
        assertThat(Placeholders.fill(
                        "{problem}|{prefix}|{other}|\\boxed{N} $1 \\",
                        Map.of("problem", "what is {prefix}? $2 \\", "prefix", "{problem}")))
                .isEqualTo("what is {prefix}? $2 \\|{problem}|{other}|\\boxed{N} $1 \\");
    }
}
