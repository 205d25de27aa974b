package io.foothold.orchestrator.outbox;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Where events go in Kafka, checked without asking it.
 *
 * @param servers HOST:PORT each
 * @param topic its name
 * @param client what Kafka's client is given; holds secrets
 */
public record KafkaSettings(List<String> servers, String topic, Map<String, Object> client) {
    private static final Pattern SERVER = Pattern.compile("(?:\\[[0-9a-fA-F:.]+]|[^\\s:/,\\[\\]]+):(\\d{1,5})");
    private static final Pattern TOPIC = Pattern.compile("[a-zA-Z0-9._-]{1,249}");
    private static final int LARGEST_PORT = 65535;
    /** The broker's limit decides what is too large. */
    private static final int LARGEST_REQUEST = 16 << 20;

    /** What order and safety hang on, or what has a setting of its own. */
    private static final Set<String> OURS = Set.of(
            ProducerConfig.BOOTSTRAP_SERVERS_CONFIG,
            ProducerConfig.ACKS_CONFIG,
            ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG,
            ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG,
            ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG,
            ProducerConfig.PARTITIONER_CLASS_CONFIG,
            ProducerConfig.PARTITIONER_IGNORE_KEYS_CONFIG,
            ProducerConfig.TRANSACTIONAL_ID_CONFIG);

    /** Copies. */
    public KafkaSettings {
        servers = List.copyOf(servers);
        client = Map.copyOf(client);
    }

    /**
     * Checks what was set.
     *
     * @param properties file with further properties of Kafka's client
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} that names the setting
     */
    public static KafkaSettings of(List<String> servers, String topic, Optional<Path> properties) {
        servers.forEach(KafkaSettings::checkServer);
        if (!TOPIC.matcher(topic).matches() || topic.equals(".") || topic.equals("..")) {
            throw wrong("foothold.events.kafka.topic is '" + topic
                    + "'; expected 1 to 249 letters of ASCII, digits, '.', '_' and '-'");
        }
        Map<String, Object> client = new HashMap<>();
        // An answer is there within seconds, or what waits is tried again by us.
        client.put(ProducerConfig.MAX_BLOCK_MS_CONFIG, 5_000);
        client.put(ProducerConfig.REQUEST_TIMEOUT_MS_CONFIG, 5_000);
        client.put(ProducerConfig.DELIVERY_TIMEOUT_MS_CONFIG, 15_000);
        client.put(ProducerConfig.LINGER_MS_CONFIG, 0);
        client.put(ProducerConfig.MAX_REQUEST_SIZE_CONFIG, LARGEST_REQUEST);
        client.put(ProducerConfig.CLIENT_ID_CONFIG, "foothold-orchestrator");
        // Brokers are told nothing of the process.
        client.put(ProducerConfig.ENABLE_METRICS_PUSH_CONFIG, false);
        properties.ifPresent(file -> client.putAll(read(file)));
        client.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, servers);
        client.put(ProducerConfig.ACKS_CONFIG, "all");
        client.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        check(client, properties);
        return new KafkaSettings(servers, topic, client);
    }

    private static void checkServer(String server) {
        var match = SERVER.matcher(server);
        if (!match.matches()
                || Integer.parseInt(match.group(1)) > LARGEST_PORT
                || match.group(1).equals("0")) {
            throw wrong("foothold.events.kafka.bootstrap-servers has '" + server
                    + "'; expected HOST:PORT, several with commas");
        }
    }

    private static Map<String, String> read(Path file) {
        Properties given = new Properties();
        try (Reader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            given.load(in);
        } catch (IOException | IllegalArgumentException e) {
            throw wrong("foothold.events.kafka.client-properties: " + file + " cannot be read: " + e.getMessage());
        }
        Set<String> known = new TreeSet<>(ProducerConfig.configNames());
        known.removeAll(OURS);
        Map<String, String> out = new HashMap<>();
        for (String key : new TreeSet<>(given.stringPropertyNames())) {
            String where = "foothold.events.kafka.client-properties: " + file + " has '" + key + "'";
            if (OURS.contains(key)) {
                throw wrong(where
                        + ", which is not free: order and safety of events hang on it, or it has a setting of its own");
            }
            if (!known.contains(key)) {
                throw wrong(where + ", which Kafka's producer does not know" + Nearest.hint(key, known));
            }
            out.put(key, given.getProperty(key));
        }
        return out;
    }

    private static void check(Map<String, Object> client, Optional<Path> properties) {
        Map<String, Object> whole = new HashMap<>(client);
        whole.put(ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class);
        whole.put(ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, ByteArraySerializer.class);
        try {
            var unused = new ProducerConfig(whole);
        } catch (ConfigException e) {
            throw wrong("foothold.events.kafka.client-properties"
                    + properties.map(f -> ": " + f).orElse("") + ": " + e.getMessage());
        }
    }

    private static FootholdException wrong(String text) {
        return new FootholdException(ErrorCode.INVALID_INPUT, text);
    }

    /** Where it is, as it may be told. */
    public String told() {
        return String.join(",", servers);
    }

    /** Shows no secret. */
    @Override
    public String toString() {
        return told() + " topic " + topic;
    }
}
