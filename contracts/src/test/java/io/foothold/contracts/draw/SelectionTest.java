package io.foothold.contracts.draw;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is drawn from, by its digest. */
class SelectionTest {
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 999, 1000, 1001, 17_000})
    void chunksGiveTheSelectionBackAndStaySmall(int size) {
        List<String> ids = IntStream.range(0, size)
                .mapToObj(i -> "dapo-math-17k-%05d".formatted(i))
                .toList();
        Map<String, Integer> prefixes = size < 2 ? Map.of() : Map.of(ids.get(1), 0, ids.get(size - 1), 7, "other", 3);
        Selection selection = new Selection(ids, prefixes);
        assertThat(selection.chunks()).allMatch(chunk -> chunk.getSerializedSize() < 64 << 10);
        Selection back = Selection.of(selection.chunks());
        assertThat(back.digest()).isEqualTo(selection.digest());
        assertThat(back.problemIds()).isEqualTo(ids);
        assertThat(back.prefixes()).isEqualTo(selection.prefixes()).doesNotContainKey("other");
    }

    @Test
    void theDigestTellsIdsOrderAndPrefixesApart() {
        assertThat(List.of(
                        new Selection(List.of("a", "b"), Map.of()).digest(),
                        new Selection(List.of("b", "a"), Map.of()).digest(),
                        new Selection(List.of("ab"), Map.of()).digest(),
                        new Selection(List.of("a"), Map.of()).digest(),
                        new Selection(List.of("a"), Map.of("a", 0)).digest(),
                        new Selection(List.of("a"), Map.of("a", 1)).digest(),
                        new Selection(List.of("a1:-:b"), Map.of()).digest()))
                .doesNotHaveDuplicates();
    }
}
