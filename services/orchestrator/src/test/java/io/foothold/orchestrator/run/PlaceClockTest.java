package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class PlaceClockTest {
    private final AtomicLong now = new AtomicLong();
    private final PlaceClock clock = new PlaceClock(now::get);

    private int takes(int seconds) {
        now.addAndGet(seconds * 1_000_000_000L);
        return seconds;
    }

    @Test
    void whatIsSampledBeforeALocalizationIsDrawnAndWhatIsSampledAfterItAreSuffixes() {
        assertThat(clock.sampling(() -> takes(3))).isEqualTo(3);
        clock.sampling(() -> takes(1));
        clock.localizing(() -> takes(5));
        clock.sampling(() -> takes(4));
        assertThat(clock.times()).isEqualTo(new ResetTimes(2, 4, 5, 4));
        assertThat(clock.times().chains()).as("in rounds of 2 seconds").isEqualTo(6.5);
    }

    @Test
    void aPlaceThatIsFilledAgainBeginsAnew() {
        clock.sampling(() -> takes(3));
        clock.localizing(() -> takes(5));
        clock.restart();
        clock.sampling(() -> takes(2));
        assertThat(clock.times()).isEqualTo(new ResetTimes(1, 2, 0, 0));
    }
}
