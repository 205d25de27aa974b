package io.foothold.orchestrator.event;

import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.operators.multi.processors.BroadcastProcessor;
import io.smallrye.reactive.messaging.connector.InboundConnector;
import io.smallrye.reactive.messaging.connector.OutboundConnector;
import io.smallrye.reactive.messaging.providers.helpers.MultiUtils;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Flow;
import org.eclipse.microprofile.config.Config;
import org.eclipse.microprofile.reactive.messaging.Message;
import org.eclipse.microprofile.reactive.messaging.spi.Connector;

/**
 * Topics inside the process: what one channel sends to a topic reaches every channel that reads it. Nothing is kept for
 * channels that come later; a reader that is more than 4096 messages behind fails. Kafka does not stand in its place: what has to arrive
 * there is brought from the ledger, see {@link io.foothold.orchestrator.outbox}.
 */
@ApplicationScoped
@Connector("loopback")
public class LoopbackConnector implements InboundConnector, OutboundConnector {
    private static final int BUFFER = 4096;
    private final ConcurrentMap<String, BroadcastProcessor<Object>> topics = new ConcurrentHashMap<>();

    private BroadcastProcessor<Object> topic(Config config) {
        String name = config.getOptionalValue("topic", String.class)
                .orElseGet(() -> config.getValue("channel-name", String.class));
        return topics.computeIfAbsent(name, n -> BroadcastProcessor.create());
    }

    @Override
    public Flow.Publisher<? extends Message<?>> getPublisher(Config config) {
        Multi<Object> topic = topic(config).onOverflow().buffer(BUFFER);
        return topic.map(Message::of);
    }

    @Override
    public Flow.Subscriber<? extends Message<?>> getSubscriber(Config config) {
        BroadcastProcessor<Object> topic = topic(config);
        return MultiUtils.via(messages -> messages.onItem()
                .invoke(message -> topic.onNext(message.getPayload()))
                .onItem()
                .call(message -> Uni.createFrom().completionStage(message.ack())));
    }
}
