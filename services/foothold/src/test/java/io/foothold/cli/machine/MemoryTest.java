package io.foothold.cli.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MemoryTest {
    @Test
    void amountsAreToldInGibibytes() {
        assertThat(Memory.told(Long.MAX_VALUE)).isEqualTo("an unknown amount");
        assertThat(Memory.told(3L << 29)).isEqualTo("1.5 GiB");
    }

    @Test
    void thisProcessHasAPeak() {
        try (MemoryWatch watch = new MemoryWatch(Map.of("test", () -> Stream.of(ProcessHandle.current())))) {
            MemoryWatch.Peak peak = watch.peaks().get("test");
            assertThat(peak.resident()).isGreaterThanOrEqualTo(peak.own()).isGreaterThan(10 << 20);
        }
    }
}
