package io.foothold.orchestrator.outbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What can be seen to be wrong before Kafka is asked. */
class KafkaSettingsTest {
    @TempDir
    Path directory;

    private KafkaSettings with(String properties) throws Exception {
        Path file = Files.writeString(directory.resolve("client.properties"), properties);
        return KafkaSettings.of(List.of("kafka:9092"), "events", Optional.of(file));
    }

    @Test
    void addressesAndTopicsThatCannotBeAreNamed() {
        for (String server : List.of("kafka", "kafka:0", "kafka:99999", "http://kafka:9092", "a b:1", "")) {
            assertThatThrownBy(() -> KafkaSettings.of(List.of(server), "events", Optional.empty()))
                    .as(server)
                    .hasMessageContaining("foothold.events.kafka.bootstrap-servers")
                    .hasMessageContaining("'" + server + "'");
        }
        for (String topic : List.of("", "a b", ".", "..", "x".repeat(250), "ü")) {
            assertThatThrownBy(() -> KafkaSettings.of(List.of("kafka:9092"), topic, Optional.empty()))
                    .as(topic)
                    .hasMessageContaining("foothold.events.kafka.topic");
        }
        assertThat(KafkaSettings.of(List.of("a:1", "[::1]:9092"), "x.y_z-1", Optional.empty())
                        .told())
                .isEqualTo("a:1,[::1]:9092");
    }

    @Test
    void propertiesOfTheClientAreCheckedByName() throws Exception {
        assertThatThrownBy(() -> with("securty.protocol=SSL"))
                .hasMessageContaining("client.properties has 'securty.protocol'")
                .hasMessageContaining("did you mean 'security.protocol'?");
        assertThatThrownBy(() -> with("acks=0")).hasMessageContaining("'acks', which is not free");
        assertThatThrownBy(() -> with("linger.ms=soon"))
                .hasMessageContaining("foothold.events.kafka.client-properties")
                .hasMessageContaining("linger.ms");
        assertThatThrownBy(() ->
                        KafkaSettings.of(List.of("kafka:9092"), "events", Optional.of(directory.resolve("missing"))))
                .hasMessageContaining("foothold.events.kafka.client-properties")
                .hasMessageContaining("missing");
    }

    @Test
    void secretsAreGivenToTheClientAndToNobodyElse() throws Exception {
        KafkaSettings settings = with("""
                security.protocol=SASL_PLAINTEXT
                sasl.mechanism=PLAIN
                sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="hidden";
                """);
        assertThat(settings.client().get("sasl.jaas.config").toString()).contains("hidden");
        assertThat(settings.toString()).doesNotContain("hidden");
        assertThat(settings.client()).containsEntry("acks", "all").containsEntry("enable.idempotence", true);
    }
}
