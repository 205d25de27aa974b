package io.foothold.sampler.config;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Configuration of the sampler. */
@ConfigMapping(prefix = "foothold.sampler")
public interface SamplerConfig {
    /** Inference servers, host:port; a host stands for every address that it has, looked up again every three seconds. */
    @WithDefault("127.0.0.1:9201")
    List<String> endpoints();

    /** Inference servers that keep a run's first policy and are never published to, host:port; none by default. */
    Optional<List<String>> frozenEndpoints();

    /** Whether the inference servers are none of ours, as tritonserver: they are shown no admin token and spoken to without TLS. */
    @WithDefault("false")
    boolean foreignEndpoints();

    /** Name of the model they serve. */
    @WithDefault("policy")
    String model();

    /** Groups of one stream that may be under way; at least 1. */
    @WithDefault("256")
    int window();

    /** Time one attempt at a group may take. */
    @WithDefault("10m")
    Duration deadline();

    /** Times a rollout is asked for before it is given up. */
    @WithDefault("6")
    int attempts();

    /** Pause before the second attempt; doubles. */
    @WithDefault("200ms")
    Duration backoff();

    /** Time between two probes of each server. */
    @WithDefault("5s")
    Duration probeEvery();

    /** Longest wait for a server to come back while all are away; such a wait costs no attempt. */
    @WithDefault("100s")
    Duration patience();

    /** How long a publisher that says nothing keeps others from publishing; it says something every quarter of a minute. */
    @WithDefault("2m")
    Duration publisherLease();

    /** Secret of the servers' control operations; none by default. */
    Optional<String> adminSecret();
}
