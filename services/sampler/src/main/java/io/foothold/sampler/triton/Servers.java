package io.foothold.sampler.triton;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.MessageLimit;
import io.foothold.contracts.flow.NamedReplicas;
import io.foothold.contracts.flow.Replicas;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jboss.logging.Logger;

/**
 * The inference servers that work can go to: every address that the configured names have, looked up again every few seconds. A name that
 * never had an address stands for itself, so that what is said of it names it. A server that leaves its name gets no more work and
 * may end what it has; whoever follows it closes it. Thread-safe.
 */
public final class Servers implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(Servers.class);

    private final BiFunction<String, String, TritonEndpoint> open;
    private final List<Replicas> names = new ArrayList<>();
    private final Map<String, TritonEndpoint> byTarget = new TreeMap<>();
    /** Targets of each configured name; guarded by this. */
    private final Map<String, Set<String>> targets = new LinkedHashMap<>();

    private final List<Consumer<TritonEndpoint>> followers = new ArrayList<>();
    private volatile List<TritonEndpoint> now = List.of();
    private boolean begun;

    /** Servers that are there from the beginning to the end. */
    public Servers(List<TritonEndpoint> fixed) {
        this.open = (target, host) -> {
            throw new FootholdException(ErrorCode.INTERNAL, "no server comes later, got " + target);
        };
        this.now = List.copyOf(fixed);
        this.begun = true;
    }

    /**
     * The servers behind names.
     *
     * @param configured {@code host:port} each
     * @param open makes the endpoint of an address, given with the host that it is one of
     */
    public Servers(List<String> configured, BiFunction<String, String, TritonEndpoint> open) {
        this(configured, open, Servers::behind);
    }

    /**
     * The servers behind names.
     *
     * @param lookup makes what follows a name's addresses
     */
    public Servers(
            List<String> configured,
            BiFunction<String, String, TritonEndpoint> open,
            Function<String, Replicas> lookup) {
        this.open = open;
        for (String name : configured) {
            targets.put(name, Set.of());
            names.add(lookup.apply(name));
        }
        for (Replicas name : names) {
            name.follow(channels -> change(name.address(), channels.keySet()));
        }
        synchronized (this) {
            begun = true;
        }
    }

    /** Its addresses alone are asked for: the way to each is its endpoint's. */
    private static Replicas behind(String name) {
        int at = name.lastIndexOf(':');
        String port = name.substring(at + 1);
        if (at < 1 || !port.matches("\\d{1,5}") || Integer.parseInt(port) > 65_535) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "inference server '" + name + "': expected host:port, such as policy-server:9201");
        }
        return new NamedReplicas(name.substring(0, at), Integer.parseInt(port), target -> MessageLimit.channel(target)
                .build());
    }

    /** The first configured host that an address is one of. */
    private String host(String target) {
        return targets.entrySet().stream()
                .filter(e -> e.getValue().contains(target))
                .map(e -> e.getKey().substring(0, e.getKey().lastIndexOf(':')))
                .findFirst()
                .orElseThrow();
    }

    private synchronized void change(String name, Set<String> addresses) {
        if (addresses.isEmpty() && !targets.getOrDefault(name, Set.of()).isEmpty()) {
            // A name without addresses is a deployment between two pods: what was known is asked, and waited for.
            return;
        }
        targets.put(name, addresses.isEmpty() ? Set.of(name) : Set.copyOf(addresses));
        List<String> wanted = targets.values().stream()
                .flatMap(Set::stream)
                .distinct()
                .sorted()
                .toList();
        byTarget.keySet().retainAll(wanted);
        List<TritonEndpoint> joined = new ArrayList<>();
        for (String target : wanted) {
            byTarget.computeIfAbsent(target, t -> {
                TritonEndpoint endpoint = open.apply(t, host(t));
                if (begun) {
                    // It may have any policy: no work before somebody looked.
                    endpoint.suspect();
                }
                joined.add(endpoint);
                return endpoint;
            });
        }
        now = List.copyOf(byTarget.values());
        LOG.infof("inference servers: %s", wanted);
        joined.forEach(endpoint -> followers.forEach(follower -> follower.accept(endpoint)));
    }

    /** Those that are there. */
    public List<TritonEndpoint> now() {
        return now;
    }

    /** Whether a server has not left. */
    public boolean has(TritonEndpoint endpoint) {
        return now.contains(endpoint);
    }

    /** Tells of every server, those that are there at once, and of those that come when they do; must not block. */
    public synchronized void follow(Consumer<TritonEndpoint> follower) {
        followers.add(follower);
        now.forEach(follower);
    }

    @Override
    public void close() {
        names.forEach(Replicas::close);
        now.forEach(TritonEndpoint::close);
    }
}
