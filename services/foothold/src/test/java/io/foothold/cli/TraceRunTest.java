package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.cli.demo.DialRuns;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.sdk.testing.junit5.OpenTelemetryExtension;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** One trace follows what is made of an update's draw through every service, over calls and over streams. */
class TraceRunTest {
    @RegisterExtension
    static final OpenTelemetryExtension TELEMETRY = OpenTelemetryExtension.create();

    @TempDir
    Path directory;

    private static String text(SpanData span, String key) {
        return String.valueOf(span.getAttributes().get(AttributeKey.stringKey(key)));
    }

    private static List<SpanData> named(List<SpanData> spans, String name) {
        return spans.stream().filter(span -> span.getName().equals(name)).toList();
    }

    @Test
    void aRolloutIsFollowedFromItsDrawToTheManifest() throws Exception {
        int updates = 2;
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        String yaml = DialRuns.yaml("rrpo", 3, policy, "medium", 24, "medium", 6, 2, updates, updates)
                + "sampling: {groups_per_update: 2, rollouts_per_group: 4}\n";
        try (Stack stack = new Stack(directory)) {
            stack.runs.create("r", yaml, List.of());
            assertThat(stack.runs.end("r").get(120, TimeUnit.SECONDS).state()).isEqualTo("finished");
        }
        List<SpanData> spans = TELEMETRY.getSpans();
        List<SpanData> draws = named(spans, "draw");
        assertThat(draws).hasSize(updates);
        Map<String, List<SpanData>> traces = spans.stream().collect(Collectors.groupingBy(SpanData::getTraceId));
        assertThat(traces).as("nothing is traced outside of a draw").hasSize(updates);
        for (SpanData draw : draws) {
            List<SpanData> trace = traces.get(draw.getTraceId());
            assertThat(draw.getParentSpanContext().isValid()).isFalse();
            List<SpanData> places = named(trace, "place");
            assertThat(places).hasSize(2).allMatch(place -> place.getParentSpanId()
                    .equals(draw.getSpanId()));
            Set<String> parents = places.stream().map(SpanData::getSpanId).collect(Collectors.toSet());
            for (String part : List.of("sample", "verify", "localize", "train")) {
                assertThat(named(trace, part))
                        .as(part)
                        .isNotEmpty()
                        .allMatch(s -> parents.contains(s.getParentSpanId()));
            }
            Set<String> trained = new TreeSet<>();
            named(trace, "train").forEach(span -> trained.add(text(span, "group")));
            Set<String> sampled = new TreeSet<>();
            named(trace, "sample").forEach(span -> sampled.add(text(span, "group")));
            assertThat(sampled)
                    .as("what was trained was sampled in the same trace")
                    .containsAll(trained);
            assertThat(named(trace, "verify"))
                    .allMatch(span -> text(span, "verdict").startsWith("VERDICT_KIND_"));
        }
    }
}
