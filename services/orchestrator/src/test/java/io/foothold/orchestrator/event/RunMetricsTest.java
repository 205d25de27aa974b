package io.foothold.orchestrator.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/** What is counted of runs. */
class RunMetricsTest {
    private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
    private final AtomicInteger underWay = new AtomicInteger();
    private final AtomicLong time = new AtomicLong();
    private final RunMetrics metrics = new RunMetrics(registry, underWay::get, time::get);
    private long number;

    private void told(String kind, String json) {
        metrics.accept(new RunEvent("r", ++number, kind, json));
    }

    private double counted(String name, String... tags) {
        return registry.get(name).tags(tags).counter().count();
    }

    private double gauge(String name) {
        return registry.get(name).gauge().value();
    }

    @Test
    void updatesAndEndsAreCounted() {
        told("run_started", "{}");
        told("update_done", "{\"update\":1,\"staleness_max\":2}");
        told("update_done", "{\"update\":2,\"staleness_max\":3}");
        told("group_dropped", "{\"group\":4,\"reason\":\"why\"}");
        told("run_ended", "{\"state\":\"stopped\"}");
        told("run_ended", "{\"state\":\"failed\"}");
        assertThat(counted("foothold.updates")).isEqualTo(2);
        assertThat(gauge("foothold.staleness")).isEqualTo(3);
        assertThat(counted("foothold.groups.dropped")).isEqualTo(1);
        assertThat(counted("foothold.runs.ended", "state", "stopped")).isEqualTo(1);
        assertThat(counted("foothold.runs.ended", "state", "failed")).isEqualTo(1);
        assertThat(counted("foothold.events", "kind", "update_done")).isEqualTo(2);
    }

    @Test
    void aRunThatStandsStillIsSeenByItsAge() {
        assertThat(gauge("foothold.update.age.seconds")).isNaN();
        underWay.set(1);
        told("run_started", "{}");
        time.addAndGet(90_000_000_000L);
        assertThat(gauge("foothold.update.age.seconds")).isEqualTo(90);
        told("update_done", "{}");
        assertThat(gauge("foothold.update.age.seconds")).isZero();
        assertThat(gauge("foothold.runs.under.way")).isEqualTo(1);
    }

    @Test
    void aLossIsCountedByTheServiceAndNotByItsAddress() {
        told("service_lost", "{\"service\":\"learner at 127.0.0.1:9206\",\"reason\":\"x\"}");
        told("service_lost", "{\"service\":\"learner at 127.0.0.1:9300\",\"reason\":\"x\"}");
        assertThat(counted("foothold.service.losses", "service", "learner")).isEqualTo(2);
    }
}
