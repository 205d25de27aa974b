package io.foothold.sampler.rollout;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.sampler.triton.EndpointWatch;
import io.foothold.sampler.triton.Servers;
import io.foothold.sampler.triton.TritonEndpoint;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The inference servers of a sampler, and what it asks of them beside rollouts: which of them takes a group, the tokens of prompts, the
 * vocabulary. Thread-safe.
 */
final class Engines implements AutoCloseable {
    private static final int MOST_CACHED_PROMPTS = 50_000;
    private static final Duration POLL = Duration.ofMillis(50);

    private final Servers servers;
    private final EndpointWatch watch;
    private final RolloutSampler.Limits limits;
    private final Map<TritonEndpoint.Prompt, int[]> prompts = new ConcurrentHashMap<>();
    private final Set<String> delimiters = ConcurrentHashMap.newKeySet();
    private volatile boolean draining;

    /** Work goes to these servers; closes them with itself. */
    Engines(Servers servers, RolloutSampler.Limits limits) {
        if (servers.now().isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "no inference server: set foothold.sampler.endpoints to host:port,…");
        }
        this.servers = servers;
        this.watch = new EndpointWatch(servers, limits.probeEvery(), limits.patience());
        this.limits = limits;
    }

    RolloutSampler.Limits limits() {
        return limits;
    }

    /** Who publishes to them and knows which are well. */
    EndpointWatch watch() {
        return watch;
    }

    /** Those that are there. */
    List<TritonEndpoint> now() {
        return servers.now();
    }

    /** The tokens of a group's prompt. */
    int[] promptTokens(GroupWork work) {
        return work.promptTokens().length > 0
                ? work.promptTokens()
                : promptTokens(
                        new TritonEndpoint.Prompt(work.prompt(), work.settings().chat()));
    }

    /** The tokens of a prompt; asked for once, as long as not too many others come. */
    int[] promptTokens(TritonEndpoint.Prompt prompt) {
        int[] known = prompts.get(prompt);
        if (known == null) {
            known = choose().tokenize(prompt, limits.deadline());
            if (prompts.size() >= MOST_CACHED_PROMPTS) {
                prompts.clear();
            }
            prompts.put(prompt, known);
        }
        return known;
    }

    /** The vocabulary, which must be able to spell the thought delimiter. */
    byte[][] vocabulary(TritonEndpoint endpoint, GroupWork work) {
        byte[][] vocabulary = endpoint.vocabulary(limits.deadline());
        String delimiter = work.settings().thoughtDelimiter();
        if (!delimiter.isEmpty() && !delimiters.contains(delimiter)) {
            if (!Thoughts.representable(vocabulary, delimiter)) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "no tokens of the policy spell the thought delimiter '" + delimiter.replace("\n", "\\n") + "'");
            }
            delimiters.add(delimiter);
        }
        return vocabulary;
    }

    /** The healthy endpoint with the least work; when none is healthy, the one with the least work is tried again. */
    TritonEndpoint choose() {
        return servers.now().stream()
                .min(Comparator.comparing((TritonEndpoint e) -> !e.healthy())
                        .thenComparing(TritonEndpoint::outstanding))
                .orElseThrow();
    }

    /**
     * Waits until a server is healthy that was here before; a server that never answered is no reason to wait.
     *
     * @param cancelled ends the wait
     */
    void awaitServer(AtomicBoolean cancelled) {
        long end = System.nanoTime() + limits.patience().toNanos();
        while (!cancelled.get()
                && !draining
                && System.nanoTime() < end
                && servers.now().stream().noneMatch(TritonEndpoint::healthy)
                && servers.now().stream().anyMatch(TritonEndpoint::reached)) {
            sleep(POLL);
        }
    }

    static void sleep(Duration pause) {
        try {
            Thread.sleep(pause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** From now on nothing is asked for again. */
    void drain() {
        draining = true;
    }

    boolean draining() {
        return draining;
    }

    @Override
    public void close() {
        watch.close();
        servers.close();
    }
}
