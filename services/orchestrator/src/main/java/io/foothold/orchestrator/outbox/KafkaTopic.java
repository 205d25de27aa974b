package io.foothold.orchestrator.outbox;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.event.RunEvent;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** A topic of Kafka. Connects with the first event, not before. Thread-safe. */
public final class KafkaTopic implements EventTopic {
    private static final Logger LOG = Logger.getLogger(KafkaTopic.class);
    private static final Duration LAST_WORDS = Duration.ofMillis(500);

    private final KafkaSettings settings;
    private @Nullable Producer<String, byte[]> producer;
    private boolean closed;

    /** Over checked settings. */
    public KafkaTopic(KafkaSettings settings) {
        this.settings = settings;
    }

    @Override
    public String kind() {
        return "kafka";
    }

    @Override
    public String name() {
        return settings.topic();
    }

    @Override
    public CompletableFuture<Void> send(RunEvent event) {
        EventRecord whole = EventRecord.of(event);
        return send(whole)
                .handle((done, failure) -> {
                    if (!(failure instanceof RecordTooLargeException)) {
                        return failure == null
                                ? CompletableFuture.<Void>completedFuture(null)
                                : CompletableFuture.<Void>failedFuture(told(failure));
                    }
                    LOG.warnf(
                            "event %d of run %s is sent without its details: its %d bytes are more than the topic %s"
                                    + " takes (max.message.bytes)",
                            event.number(), event.runId(), whole.value().length, name());
                    return send(EventRecord.withoutDetails(event))
                            .exceptionallyCompose(e -> CompletableFuture.failedFuture(told(e)));
                })
                .thenCompose(sent -> sent);
    }

    private CompletableFuture<Void> send(EventRecord event) {
        CompletableFuture<Void> out = new CompletableFuture<>();
        try {
            var unused = producer()
                    .send(
                            new ProducerRecord<>(name(), null, event.atMillis(), event.key(), event.value()),
                            (where, failure) -> {
                                if (failure == null) {
                                    out.complete(null);
                                } else {
                                    out.completeExceptionally(failure);
                                }
                            });
        } catch (KafkaException | IllegalStateException | FootholdException e) {
            out.completeExceptionally(e);
        }
        return out;
    }

    private synchronized Producer<String, byte[]> producer() {
        if (closed) {
            throw new FootholdException(ErrorCode.DRAINING, "the topic is closed");
        }
        Producer<String, byte[]> made = producer;
        if (made == null) {
            made = new KafkaProducer<>(settings.client(), new StringSerializer(), new ByteArraySerializer());
            producer = made;
        }
        return made;
    }

    private FootholdException told(Throwable failure) {
        if (failure instanceof FootholdException own) {
            return own;
        }
        Throwable why = cause(failure);
        String where = "Kafka at " + settings.told();
        return switch (why) {
            case InterruptException e -> new FootholdException(ErrorCode.CANCELLED, "sending was interrupted", e);
            case TopicAuthorizationException e ->
                refused(
                        where + " does not let us write to topic '" + name()
                                + "' (foothold.events.kafka.topic; who we are stands in foothold.events.kafka.client-properties)",
                        e);
            case UnknownTopicOrPartitionException e ->
                refused(
                        where + " has no topic '" + name() + "' (foothold.events.kafka.topic) and makes none by itself",
                        e);
            case InvalidTopicException e ->
                refused(where + " has no topic of the name '" + name() + "' (foothold.events.kafka.topic)", e);
            case AuthenticationException e ->
                refused(where + " refuses us (foothold.events.kafka.client-properties): " + e.getMessage(), e);
            case AuthorizationException e ->
                refused(where + " refuses us (foothold.events.kafka.client-properties): " + e.getMessage(), e);
            case ConfigException e when String.valueOf(e.getMessage()).contains("bootstrap") -> unreached(where, e);
            case KafkaException e
            when e.getCause() instanceof ConfigException c
                    && String.valueOf(c.getMessage()).contains("bootstrap") -> unreached(where, c);
            default -> unreached(where, why);
        };
    }

    /** What a failure comes from, where the client says it: a topic that is unknown is told as a time that ran out. */
    private static Throwable cause(Throwable failure) {
        for (Throwable t = failure; t != null; t = t.getCause()) {
            if (t instanceof UnknownTopicOrPartitionException
                    || t instanceof AuthenticationException
                    || t instanceof AuthorizationException
                    || t instanceof InvalidTopicException) {
                return t;
            }
        }
        return failure;
    }

    private static FootholdException refused(String text, Throwable why) {
        return new FootholdException(ErrorCode.INVALID_INPUT, text, why);
    }

    private static FootholdException unreached(String where, Throwable why) {
        String detail = why.getCause() == null
                ? why.getMessage()
                : why.getMessage() + ": " + why.getCause().getMessage();
        return new FootholdException(
                ErrorCode.PEER_UNAVAILABLE,
                where + " (foothold.events.kafka.bootstrap-servers) cannot be reached: " + detail,
                why);
    }

    @Override
    public synchronized void close() {
        closed = true;
        if (producer != null) {
            producer.close(LAST_WORDS);
        }
    }
}
