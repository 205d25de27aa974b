package io.foothold.contracts.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** Names and meanings of metrics, and how old work is. */
class MetricTest {
    @Test
    void everyNameIsThereOnceAndHasAMeaning() {
        assertThat(Arrays.stream(Metric.values()).map(Metric::prometheus))
                .doesNotHaveDuplicates()
                .allMatch(name -> name.matches("[a-z][a-z_]*\\*?"));
        assertThat(Metric.values()).allMatch(metric -> !metric.meaning().isBlank());
    }

    @Test
    void whatIsRegisteredHasItsDescriptionAndItsTags() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        Metric.VERDICTS.counter(registry, "PASS").increment();
        assertThat(registry.get("foothold.verdicts")
                        .tag("kind", "PASS")
                        .counter()
                        .getId()
                        .getDescription())
                .isEqualTo("verdicts by their kind");
        Metric.UPDATE_NUMBERS.of("entropy", registry, new AtomicLong(7), AtomicLong::get);
        assertThat(registry.get("foothold.update.entropy").gauge().value()).isEqualTo(7);
    }

    @Test
    void aWrongUseIsNamed() {
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        assertThatThrownBy(() -> Metric.VERDICTS.counter(registry)).hasMessageContaining("kind");
        assertThatThrownBy(() -> Metric.VERDICTS.timer(registry, "PASS")).hasMessageContaining("COUNTER");
        assertThatThrownBy(() -> Metric.VERDICTS.of("x", registry, 1, x -> x)).hasMessageContaining("no family");
    }

    @Test
    void theOldestPieceGivesTheAge() {
        AtomicLong time = new AtomicLong();
        OpenWork work = new OpenWork(time::get);
        assertThat(work.oldest()).isZero();
        OpenWork.Piece first = work.begin();
        time.set(2_000_000_000L);
        OpenWork.Piece second = work.begin();
        time.set(5_000_000_000L);
        assertThat(work.count()).isEqualTo(2);
        assertThat(work.oldest()).hasSeconds(5);
        work.end(first);
        work.end(first);
        assertThat(work.count()).isEqualTo(1);
        assertThat(work.oldest()).hasSeconds(3);
        work.end(second);
        assertThat(work.oldest()).isZero();
    }
}
