package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.orchestrator.remote.Services;
import io.foothold.v1.OpenRunResponse;
import io.foothold.v1.PolicyAdapter;
import io.foothold.v1.PolicyCanary;
import io.foothold.v1.PublishPolicyRequest;
import io.foothold.v1.PublishPolicyResponse;
import io.foothold.v1.Publisher;
import io.foothold.v1.UpdateManifest;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Publishes a run's policies: the only one whom the inference servers obey from its first publication until it is closed. Says now and then
 * that it is still there, by which a sampler that was started again learns what its servers should have. Thread-safe.
 */
final class PolicyPublisher implements AutoCloseable {
    /** A quarter of a minute: an eighth of the sampler's lease. */
    private static final Duration SAY_EVERY = Duration.ofSeconds(15);

    /**
     * What the learner made.
     *
     * @param policy version and digest
     * @param uri where it lies
     * @param canary what servers have to compute with it; empty when the learner could not say
     * @param adapter the same as adapters; empty when there are none
     */
    record Artefact(PolicyVersion policy, String uri, Optional<PolicyCanary> canary, Optional<PolicyAdapter> adapter) {
        static Artefact of(OpenRunResponse open) {
            return new Artefact(
                    new PolicyVersion(open.getPolicyVersion(), open.getDigest()),
                    open.getArtefactUri(),
                    open.hasCanary() ? Optional.of(open.getCanary()) : Optional.empty(),
                    open.hasAdapter() ? Optional.of(open.getAdapter()) : Optional.empty());
        }

        static Artefact of(UpdateManifest manifest) {
            return new Artefact(
                    new PolicyVersion(manifest.getPolicyVersion(), manifest.getDigest()),
                    manifest.getArtefactUri(),
                    manifest.hasCanary() ? Optional.of(manifest.getCanary()) : Optional.empty(),
                    manifest.hasAdapter() ? Optional.of(manifest.getAdapter()) : Optional.empty());
        }
    }

    private final Services services;
    private final Publisher publisher;
    private final Consumer<FootholdException> onLost;
    private final Thread saying;
    private volatile @Nullable Artefact published;
    private volatile boolean closed;

    /**
     * A publisher; holds nothing before it publishes.
     *
     * @param incarnation how often the run was resumed
     * @param onLost told when another publisher has the servers
     */
    PolicyPublisher(Services services, String runId, long incarnation, Consumer<FootholdException> onLost) {
        this.services = services;
        this.publisher = Publisher.newBuilder()
                .setRunId(runId)
                .setIncarnation(incarnation)
                .setToken(UUID.randomUUID().toString())
                .build();
        this.onLost = onLost;
        this.saying = Thread.ofVirtual().name("publisher-" + runId).unstarted(this::say);
    }

    /** Begins to say now and then that it is there; {@link #close} ends it. Once. */
    void start() {
        saying.start();
    }

    /**
     * Switches every inference server to a policy.
     *
     * @throws FootholdException {@link ErrorCode#CONFLICT} when another run's publisher holds the servers; {@link ErrorCode#INTERNAL}
     *     when one of them does not compute what the learner computes
     */
    synchronized PublishPolicyResponse publish(Artefact next) {
        PublishPolicyResponse done = services.sampler().publish(request(next));
        published = next;
        return done;
    }

    /** The policy that the servers have. */
    PolicyVersion policy() {
        Artefact now = published;
        if (now == null) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "no policy is published yet");
        }
        return now.policy();
    }

    private PublishPolicyRequest request(Artefact artefact) {
        PublishPolicyRequest.Builder out = PublishPolicyRequest.newBuilder()
                .setPolicyVersion(artefact.policy().number())
                .setDigest(artefact.policy().digest())
                .setArtefactUri(artefact.uri())
                .setPublisher(publisher);
        artefact.canary().ifPresent(out::setCanary);
        artefact.adapter().ifPresent(out::setAdapter);
        return out.build();
    }

    private void say() {
        try {
            while (!closed) {
                Thread.sleep(SAY_EVERY);
                sayOnce();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Publishes the policy again: a sampler that was started again does not know it, nor may the servers behind it. */
    synchronized void publishAgain() {
        Artefact now = published;
        if (now != null) {
            services.sampler().publish(request(now));
        }
    }

    private synchronized void sayOnce() {
        Artefact now = published;
        if (now == null || closed) {
            return;
        }
        try {
            services.sampler().publishedStill(request(now));
        } catch (FootholdException e) {
            // A sampler that is away is found by whoever samples; what matters here is who has the servers.
            if (e.code() == ErrorCode.CONFLICT) {
                onLost.accept(e);
            }
        }
    }

    /** Lets another publisher have the servers. */
    @Override
    public void close() {
        closed = true;
        saying.interrupt();
        synchronized (this) {
            published = null;
            try {
                services.sampler().release(publisher);
            } catch (FootholdException e) {
                // The sampler is away: what it knew of us went with it, or runs out by itself.
            }
        }
    }
}
