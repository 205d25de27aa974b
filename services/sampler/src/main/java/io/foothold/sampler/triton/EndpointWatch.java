package io.foothold.sampler.triton;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Asks every inference server for its status from time to time. A server that does not answer gets no work; one whose model process
 * died, that is away twice or silent six times, also loses what is under way (readiness says nothing of a dead model process on
 * tritonserver 2.51).
 * One that has another policy than the published one, older or newer, by version or by digest, gets the published one before it gets
 * work. One that comes later is looked at first, one that left is watched until what it does is done. Thread-safe.
 */
public final class EndpointWatch implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(EndpointWatch.class);
    private static final Duration PROBE_DEADLINE = Duration.ofSeconds(3);
    private static final Duration SWITCH_DEADLINE = Duration.ofMinutes(2);
    private static final Duration PAUSE = Duration.ofMillis(500);
    private static final int FAILURES_TO_GIVE_UP = 2;
    /** More of them: a server under load is slow to answer, and what it works on would be lost. */
    private static final int SILENCES_TO_GIVE_UP = 6;
    /** What a server says whose model is gone for good: the next probe would hear the same. */
    private static final List<String> GONE = List.of("is not healthy", "the engine has stopped");
    /** Tokens as young as this prove more than a status that is late. */
    private static final Duration ALIVE = Duration.ofSeconds(15);

    private final Servers servers;
    private final Duration every;
    private final Duration patience;
    private final Map<TritonEndpoint, Integer> failures = new ConcurrentHashMap<>();
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    /** One permit wakes the watch of a server before its time. */
    private final Map<TritonEndpoint, Semaphore> calls = new ConcurrentHashMap<>();
    /** Write: a publication. Read: healing by the last one. */
    private final ReadWriteLock publishing = new ReentrantReadWriteLock();

    private volatile @Nullable PublishedPolicy published;
    /** The newest version that servers were ever told to have by whoever publishes now. */
    private volatile OptionalLong newest = OptionalLong.empty();

    /**
     * A watch that begins at once.
     *
     * @param every time between two probes of a server
     * @param patience longest wait of a publication for servers that are all away
     */
    public EndpointWatch(Servers servers, Duration every, Duration patience) {
        this.patience = patience;
        this.servers = servers;
        this.every = every;
        servers.follow(endpoint -> {
            if (!endpoint.healthy()) {
                called(endpoint).release();
            }
            threads.execute(() -> watch(endpoint));
        });
    }

    private void watch(TritonEndpoint endpoint) {
        try {
            while (servers.has(endpoint) || endpoint.outstanding() > 0) {
                Semaphore called = called(endpoint);
                boolean early = called.tryAcquire(every.toNanos(), TimeUnit.NANOSECONDS);
                if (early) {
                    called.drainPermits();
                }
                look(endpoint);
            }
            LOG.infof("inference server %s has left", endpoint.target());
            failures.remove(endpoint);
            calls.remove(endpoint);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            if (!servers.has(endpoint)) {
                endpoint.close();
            }
        }
    }

    /** A server was found to have another policy than it should: it gets no work until it was looked at, which is soon. */
    public void strayed(TritonEndpoint endpoint) {
        endpoint.suspect();
        called(endpoint).release();
    }

    private Semaphore called(TritonEndpoint endpoint) {
        return calls.computeIfAbsent(endpoint, e -> new Semaphore(0));
    }

    /** The newest version that tokens of these servers can rightly be stamped with; empty when nothing was published here yet. */
    public OptionalLong newest() {
        return newest;
    }

    /** Whether this is what the servers were last told to have, and they have it. */
    public boolean serves(PublishedPolicy policy) {
        PublishedPolicy now = published;
        return now != null && now.policy().equals(policy.policy()) && now.uri().equals(policy.uri());
    }

    /** One probe. */
    void look(TritonEndpoint endpoint) {
        try {
            JsonNode status = endpoint.probe(PROBE_DEADLINE);
            publishing.readLock().lock();
            try {
                PublishedPolicy p = published;
                if (p != null && servers.has(endpoint) && !TritonEndpoint.serves(status, p.policy())) {
                    endpoint.switchTo(p, SWITCH_DEADLINE);
                }
            } finally {
                publishing.readLock().unlock();
            }
            if (failures.remove(endpoint) != null) {
                LOG.infof("inference server %s is there again", endpoint.target());
            }
            endpoint.well();
        } catch (Throwable t) {
            // Whatever it is: a watch that ends would never heal its server.
            FootholdException why = FootholdException.of(t);
            boolean slow = why.code() == ErrorCode.DEADLINE;
            if (slow && endpoint.sampledWithin(ALIVE)) {
                return;
            }
            int count = failures.merge(endpoint, 1, Integer::sum);
            if (count == 1) {
                LOG.warnf("inference server %s does not answer: %s", endpoint.target(), why.text());
            }
            if (count >= (slow ? SILENCES_TO_GIVE_UP : FAILURES_TO_GIVE_UP)
                    || GONE.stream().anyMatch(why.text()::contains)) {
                endpoint.giveUp(new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "inference server " + endpoint.target() + ": " + why.text(), why));
            } else {
                endpoint.suspect();
            }
        }
    }

    /**
     * Switches every server to a policy version; gives the longest pause in microseconds. A server that is away is left to the watch,
     * as long as another one has switched; while all are away that were here before, it waits for one.
     *
     * @throws FootholdException when no server has switched in time, or one refused
     */
    public long publish(PublishedPolicy next) {
        publishing.writeLock().lock();
        try {
            published = null;
            newest = OptionalLong.of(next.policy().number());
            long end = System.nanoTime() + patience.toNanos();
            while (true) {
                try {
                    long longest = switchAll(next);
                    published = next;
                    LOG.infof("policy version %s published", next.policy());
                    return longest;
                } catch (FootholdException e) {
                    if (!e.code().retryable()
                            || System.nanoTime() > end
                            || servers.now().stream().noneMatch(TritonEndpoint::reached)) {
                        throw e;
                    }
                }
                Thread.sleep(PAUSE);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        } finally {
            publishing.writeLock().unlock();
        }
    }

    private long switchAll(PublishedPolicy next) throws InterruptedException {
        List<Future<Long>> pauses = new ArrayList<>();
        List<TritonEndpoint> endpoints = servers.now();
        for (TritonEndpoint e : endpoints) {
            pauses.add(threads.submit(() -> {
                e.connectAnew();
                return e.switchTo(next, SWITCH_DEADLINE);
            }));
        }
        long longest = 0;
        int switched = 0;
        FootholdException away = null;
        for (int i = 0; i < pauses.size(); i++) {
            try {
                longest = Math.max(longest, pauses.get(i).get());
                switched++;
            } catch (ExecutionException e) {
                FootholdException why = FootholdException.of(e);
                if (!why.code().retryable()) {
                    throw why;
                }
                endpoints.get(i).suspect();
                away = why;
            }
        }
        if (switched == 0 && away != null) {
            throw away;
        }
        return longest;
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
