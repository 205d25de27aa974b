package io.foothold.policyserver.serving;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.policy.ModelConfig;
import io.foothold.policy.Precision;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class ServedSizeTest {
    private static final long GIB = 1L << 30;
    /** 46 080 bytes a token in float32. */
    private static final ModelConfig SMALL =
            ModelConfig.qwen3(49_152, 576, 1536, 30, 9, 3, 64, 8192).endingWith(List.of(2));

    private static final OptionalInt OWN = OptionalInt.empty();

    private static ServedSize size(OptionalInt length, OptionalInt slots, long cache, int cores) {
        return ServedSize.of(SMALL, Precision.FAST, length, slots, cache, cores);
    }

    @Test
    void theLengthIsTheModelsAsFarAsMemoryReaches() {
        assertThat(size(OWN, OWN, 8 * GIB, 2)).isEqualTo(new ServedSize(8192, 16));
        assertThat(size(OWN, OWN, GIB, 2)).isEqualTo(new ServedSize(2912, 8));
        assertThat(size(OWN, OWN, 1, 2)).as("no memory at all").isEqualTo(new ServedSize(2, 8));
    }

    @Test
    void aShortLengthLeavesRoomForAsManyAsTheCoresCanUse() {
        assertThat(size(OptionalInt.of(112), OWN, GIB, 64)).isEqualTo(new ServedSize(112, 208));
        assertThat(size(OptionalInt.of(112), OWN, GIB, 2)).isEqualTo(new ServedSize(112, 128));
        assertThat(size(OptionalInt.of(16), OWN, 8 * GIB, 64)).isEqualTo(new ServedSize(16, 256));
        assertThat(size(OptionalInt.of(8192), OWN, GIB, 64)).isEqualTo(new ServedSize(8192, 8));
    }

    @Test
    void whatTheUserChoseStays() {
        assertThat(size(OptionalInt.of(300), OptionalInt.of(3), GIB, 2)).isEqualTo(new ServedSize(300, 3));
        assertThat(size(OWN, OptionalInt.of(32), GIB, 2)).isEqualTo(new ServedSize(728, 32));
    }

    @Test
    void exactKeysTakeTwiceAsMuch() {
        assertThat(ServedSize.of(SMALL, Precision.EXACT, OWN, OWN, GIB, 2)).isEqualTo(new ServedSize(1456, 8));
    }

    @Test
    void theCacheIsASixteenthOfTheMemory() {
        assertThat(ServedSize.cacheBytes(32 * GIB)).isEqualTo(2 * GIB);
        assertThat(ServedSize.cacheBytes(GIB)).isEqualTo(GIB / 4);
        assertThat(ServedSize.cacheBytes(4096 * GIB)).isEqualTo(8 * GIB);
        assertThat(ServedSize.machineBytes()).isPositive();
    }
}
