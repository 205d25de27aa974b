package io.foothold.contracts.flow;

import io.grpc.Channel;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jboss.logging.Logger;

/**
 * The replicas behind one name: every address that the name has, each with a channel of its own. The name is looked up again every few
 * seconds; while it cannot be, what was known holds. How soon a change is seen is for the JVM too, which remembers lookups for {@code
 * sun.net.inetaddr.ttl} seconds: 30 unless it is set.
 */
public final class NamedReplicas implements Replicas {
    /** Looks names up. */
    @FunctionalInterface
    public interface Names {
        /**
         * The addresses of a name as they stand in a target, in any order, none where it has none.
         *
         * @throws IOException when that cannot be found out
         */
        List<String> of(String host) throws IOException;
    }

    private static final Logger LOG = Logger.getLogger(NamedReplicas.class);
    private static final Duration PAUSE = Duration.ofSeconds(3);
    /** How long a service that starts waits for the first lookup, which a resolver that hangs would hold up for minutes. */
    private static final Duration FIRST = Duration.ofSeconds(5);

    private final String host;
    private final int port;
    private final Names names;
    private final Function<String, ManagedChannel> open;
    private final StreamTimer timer;
    private final List<Consumer<Map<String, Channel>>> followers = new ArrayList<>();
    private final Map<String, ManagedChannel> channels = new TreeMap<>();
    private final AtomicBoolean looking = new AtomicBoolean();
    private String trouble = "";
    private boolean closed;

    /**
     * The replicas behind a name, looked up by the system now and from then on.
     *
     * @param open makes the channel to {@code address:port}
     */
    public NamedReplicas(String host, int port, Function<String, ManagedChannel> open) {
        this(host, port, NamedReplicas::system, open, StreamTimer.system("replicas-" + host + "-"), FIRST);
    }

    /**
     * The replicas behind a name.
     *
     * @param open makes the channel to {@code address:port}
     * @param timer their own; closed with them
     * @param first how long this waits for the first lookup
     */
    NamedReplicas(
            String host,
            int port,
            Names names,
            Function<String, ManagedChannel> open,
            StreamTimer timer,
            Duration first) {
        this.host = host;
        this.port = port;
        this.names = names;
        this.open = open;
        this.timer = timer;
        Thread lookup = Thread.ofVirtual().name("lookup-" + host).start(this::look);
        try {
            if (!lookup.join(first)) {
                tell("no answer after " + first);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        timer.every(PAUSE, this::look);
    }

    /** Where a name has addresses of both families, those of version 4: a replica has one of each. */
    private static List<String> system(String host) throws IOException {
        InetAddress[] all = InetAddress.getAllByName(host);
        List<String> four = Arrays.stream(all)
                .filter(Inet4Address.class::isInstance)
                .map(InetAddress::getHostAddress)
                .toList();
        return four.isEmpty()
                ? Arrays.stream(all).map(a -> "[" + a.getHostAddress() + "]").toList()
                : four;
    }

    /** Looks the name up, which may take long; not while that is being done, so that an older answer never follows a newer one. */
    private void look() {
        if (!looking.compareAndSet(false, true)) {
            return;
        }
        try {
            Set<String> found = new TreeSet<>();
            names.of(host).forEach(address -> found.add(address + ":" + port));
            change(found);
            tell("");
        } catch (IOException | RuntimeException e) {
            tell(e.toString());
        } finally {
            looking.set(false);
        }
    }

    private synchronized void tell(String now) {
        if (!now.equals(trouble)) {
            trouble = now;
            if (now.isEmpty()) {
                LOG.infof("%s can be looked up again", host);
            } else {
                LOG.warnf("%s cannot be looked up, its known replicas are kept: %s", host, now);
            }
        }
    }

    private synchronized void change(Set<String> found) {
        if (closed || found.equals(channels.keySet())) {
            return;
        }
        List<ManagedChannel> left = new ArrayList<>();
        for (String address : Set.copyOf(channels.keySet())) {
            if (!found.contains(address)) {
                left.add(channels.remove(address));
            }
        }
        found.forEach(address -> channels.computeIfAbsent(address, open));
        LOG.infof("%s has %d replicas: %s", host, found.size(), found);
        Map<String, Channel> now = now();
        followers.forEach(follower -> follower.accept(now));
        // What a replica that left is doing it may end.
        left.forEach(ManagedChannel::shutdown);
    }

    @Override
    public String address() {
        return host + ":" + port;
    }

    @Override
    public synchronized Map<String, Channel> now() {
        return Collections.unmodifiableMap(new TreeMap<>(channels));
    }

    @Override
    public synchronized void follow(Consumer<Map<String, Channel>> follower) {
        followers.add(follower);
        follower.accept(now());
    }

    @Override
    public synchronized void close() {
        closed = true;
        timer.close();
        channels.values().forEach(ManagedChannel::shutdownNow);
    }
}
