package io.foothold.contracts.flow;

import io.grpc.Channel;
import io.smallrye.mutiny.Multi;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The replicas of a service: who of them is there, and a channel to each. Thread rules: methods may be called by any thread; followers
 * are called by one thread at a time and must not block.
 */
public interface Replicas extends AutoCloseable {
    /** Where people look for them, as {@code host:port}. */
    String address();

    /** Channels by address, in order of the addresses. */
    Map<String, Channel> now();

    /** Tells who is there: at once, and whenever it changes. */
    void follow(Consumer<Map<String, Channel>> follower);

    /**
     * A stream to all of them, on the clock of the machine. It opens itself with the first piece of work.
     *
     * @param call how the service behind a channel is called
     */
    default <Q, R> CreditedStream<Q, R> stream(
            String name,
            StreamShape<Q, R> shape,
            Function<Channel, Function<Multi<Q>, Multi<R>>> call,
            StreamLimits limits) {
        CreditedStream<Q, R> stream =
                new CreditedStream<>(name, shape, limits, StreamTimer.system("stream-" + name + "-"));
        follow(now -> {
            Map<String, Function<Multi<Q>, Multi<R>>> calls = new LinkedHashMap<>();
            now.forEach((address, channel) -> calls.put(address, call.apply(channel)));
            stream.replicas(calls);
        });
        return stream;
    }

    /** Ends the channels that are these replicas' own. */
    @Override
    void close();

    /** The one replica that there ever is, behind a channel that stays its owner's. */
    static Replicas only(String address, Channel channel) {
        Map<String, Channel> one = Map.of(address, channel);
        return new Replicas() {
            @Override
            public String address() {
                return address;
            }

            @Override
            public Map<String, Channel> now() {
                return one;
            }

            @Override
            public void follow(Consumer<Map<String, Channel>> follower) {
                follower.accept(one);
            }

            @Override
            public void close() {}
        };
    }
}
