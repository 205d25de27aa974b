package io.foothold.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.stats.Stitching;
import java.util.List;
import org.junit.jupiter.api.Test;

class StitchingTest {
    private static final List<String> TERSE = List.of(" (2) leap 7 1;\n", " (4) leap 7 8;\n");

    @Test
    void anAnswerInDetailComesByTheStateOfATersePrefix() {
        assertThat(Stitching.passesThrough(
                        List.of(" (1) leap 2 0;", " (2) leap 7 1;", " (3) leap 2 7;", "(4) leap 7 8;"), TERSE))
                .isTrue();
        assertThat(Stitching.passesThrough(TERSE, TERSE)).isTrue();
    }

    @Test
    void oneWithAWrongThoughtOrInAnotherOrderDoesNot() {
        assertThat(Stitching.passesThrough(List.of(" (1) leap 2 0;", " (2) leap 7 2;", "(4) leap 7 8;"), TERSE))
                .isFalse();
        assertThat(Stitching.passesThrough(List.of("(4) leap 7 8;", "(2) leap 7 1;"), TERSE))
                .isFalse();
        assertThat(Stitching.passesThrough(List.of(), TERSE)).isFalse();
        assertThatThrownBy(() -> Stitching.passesThrough(TERSE, List.of())).hasMessageContaining("root");
    }
}
