package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.cli.demo.DialRuns;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.metric.Metric;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.outbox.KafkaSettings;
import io.foothold.orchestrator.outbox.KafkaTopic;
import io.foothold.orchestrator.outbox.Outbox;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Events in a real Kafka that goes away and comes back. */
class KafkaRunTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static KafkaBroker broker;

    @TempDir
    private static Path brokerDirectory;

    @TempDir
    Path directory;

    @BeforeAll
    static void start() throws Exception {
        broker = new KafkaBroker(brokerDirectory.resolve("kafka"));
    }

    @AfterAll
    static void end() throws Exception {
        if (broker != null) {
            broker.close();
        }
    }

    private static String yaml() {
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        return DialRuns.yaml("grpo-dial", 3, policy, "medium", 24, "medium", 4, 2, 3, 2)
                + "sampling: {groups_per_update: 4, rollouts_per_group: 4}\n";
    }

    private Outbox outbox(Stack stack, String topic, SimpleMeterRegistry metrics) throws Exception {
        Outbox out = new Outbox(
                stack.ledger.cursors(),
                new KafkaTopic(quick(broker.address(), topic)),
                false,
                Outbox.Pace.standard(),
                InstantSource.system(),
                metrics);
        return out;
    }

    private static double waiting(SimpleMeterRegistry metrics) {
        return metrics.get("foothold.events.waiting").gauge().value();
    }

    /** Numbers of the run's events in the topic, each at its first copy. */
    private static List<Long> firsts(List<ConsumerRecord<String, String>> records) throws Exception {
        List<Long> out = new ArrayList<>();
        for (ConsumerRecord<String, String> one : records) {
            JsonNode event = MAPPER.readTree(one.value());
            assertThat(event.path("schema").asInt()).isEqualTo(1);
            assertThat(event.path("run").asText()).isEqualTo(one.key());
            assertThat(one.key()).isEqualTo("r");
            if (!out.contains(event.path("number").asLong())) {
                out.add(event.path("number").asLong());
            }
        }
        return out;
    }

    private static List<Long> stored(Stack stack, String run) {
        return stack.ledger.events(run, 0).stream().map(Ledger.EventRow::number).toList();
    }

    /** The broker dies while a run trains, which goes on; the orchestrator begins anew meanwhile, and then the broker comes back. */
    @Test
    void everyEventArrivesInOrderWhateverStopsInBetween() throws Exception {
        broker.create("runs", Map.of());
        SimpleMeterRegistry metrics = new SimpleMeterRegistry();
        try (Stack stack = new Stack(directory)) {
            try (Outbox outbox = outbox(stack, "runs", metrics)) {
                AtomicInteger updates = new AtomicInteger();
                stack.onEvent = event -> {
                    outbox.tell();
                    if (event.kind().equals("update_done") && updates.incrementAndGet() == 2) {
                        await().until(() -> waiting(metrics) == 0);
                        endBroker();
                    }
                };
                stack.runs.create("r", yaml(), List.of());
                Ledger.RunRow end = stack.runs.end("r").get(120, TimeUnit.SECONDS);
                assertThat(end.state()).as(end.reason()).isEqualTo("finished");
                await().atMost(Duration.ofSeconds(20)).until(() -> waiting(metrics) > 0);
            }
        }
        SimpleMeterRegistry again = new SimpleMeterRegistry();
        try (Stack stack = new Stack(directory);
                Outbox outbox = outbox(stack, "runs", again)) {
            assertThat(stored(stack, "r")).hasSizeGreaterThan(6);
            broker.begin();
            await().atMost(Duration.ofSeconds(60)).until(() -> outboxIsThrough(again) && waiting(again) == 0);
            assertThat(outbox).isNotNull();
            List<ConsumerRecord<String, String>> records = broker.all("runs");
            assertThat(firsts(records)).isEqualTo(stored(stack, "r"));
            assertThat(records.stream().map(ConsumerRecord::partition).distinct())
                    .hasSize(1);
            ConsumerRecord<String, String> last = records.get(records.size() - 1);
            JsonNode event = MAPPER.readTree(last.value());
            assertThat(event.path("kind").asText()).isEqualTo("run_ended");
            assertThat(event.path("details").path("state").asText()).isEqualTo("finished");
            assertThat(event.path("details").has("at_millis")).isFalse();
            assertThat(event.path("at_millis").asLong()).isEqualTo(last.timestamp());
        }
    }

    private static boolean outboxIsThrough(SimpleMeterRegistry metrics) {
        return Metric.EVENTS_PUBLISHED.counter(metrics, "kafka").count() > 0;
    }

    private static void endBroker() {
        try {
            broker.end();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** One that does not wait for long. */
    private KafkaSettings quick(String server, String topic) throws Exception {
        Path file = Files.writeString(
                directory.resolve("quick.properties"),
                "max.block.ms=1500\nrequest.timeout.ms=1500\ndelivery.timeout.ms=2000");
        return KafkaSettings.of(List.of(server), topic, Optional.of(file));
    }

    private static FootholdException failure(KafkaSettings settings, RunEvent event) {
        try (KafkaTopic topic = new KafkaTopic(settings)) {
            topic.send(event).join();
        } catch (CompletionException e) {
            return FootholdException.of(e);
        }
        throw new AssertionError("it arrived");
    }

    private static RunEvent event(String details) {
        return new RunEvent("r", 1, "warning", details);
    }

    @Test
    void whatIsWrongNamesItsSetting() throws Exception {
        RunEvent event = event("{\"at_millis\":5}");
        FootholdException unknown = failure(quick(broker.address(), "nowhere"), event);
        assertThat(unknown.text()).contains("no topic 'nowhere'", "foothold.events.kafka.topic");
        FootholdException away = failure(quick("127.0.0.1:1", "runs"), event);
        assertThat(away.code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE);
        assertThat(away.text()).contains("127.0.0.1:1", "foothold.events.kafka.bootstrap-servers");
        FootholdException nameless = failure(quick("no-such-host.invalid:9092", "runs"), event);
        assertThat(nameless.code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE);
        assertThat(nameless.text()).contains("no-such-host.invalid", "foothold.events.kafka.bootstrap-servers");
    }

    private KafkaSettings guest(String password) throws Exception {
        Path file = Files.writeString(directory.resolve("client.properties"), """
                security.protocol=SASL_PLAINTEXT
                sasl.mechanism=PLAIN
                sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="guest" password="%s";
                """.formatted(password));
        return KafkaSettings.of(List.of(broker.lockedAddress()), "rights", Optional.of(file));
    }

    @Test
    void withoutRightsItSaysWhoIsRefusedAndShowsNoPassword() throws Exception {
        broker.create("rights", Map.of());
        FootholdException rights = failure(guest("only-for-tests"), event("{\"at_millis\":5}"));
        assertThat(rights.code()).isEqualTo(ErrorCode.INVALID_INPUT);
        assertThat(rights.text()).contains("topic 'rights'", "foothold.events.kafka.topic", "client-properties");
        FootholdException stranger = failure(guest("wrong-password"), event("{\"at_millis\":5}"));
        assertThat(stranger.text())
                .contains("refuses us (foothold.events.kafka.client-properties)")
                .doesNotContain("wrong-password");
        broker.allowToWrite("guest", "rights");
        try (KafkaTopic topic = new KafkaTopic(guest("only-for-tests"))) {
            topic.send(event("{\"at_millis\":5}")).join();
        }
        assertThat(broker.all("rights")).hasSize(1);
    }

    @Test
    void anEventThatIsTooLargeForTheTopicComesWithoutItsDetails() throws Exception {
        broker.create("small", Map.of("max.message.bytes", "2000"));
        String large = "{\"what\":\"" + "x".repeat(5000) + "\",\"at_millis\":5}";
        try (KafkaTopic topic =
                new KafkaTopic(KafkaSettings.of(List.of(broker.address()), "small", Optional.empty()))) {
            topic.send(event(large)).join();
        }
        JsonNode got = MAPPER.readTree(broker.all("small").get(0).value());
        assertThat(got.path("omitted_bytes").asInt()).isEqualTo(large.length());
        assertThat(got.has("details")).isFalse();
        assertThat(got.path("number").asLong()).isEqualTo(1);
    }
}
