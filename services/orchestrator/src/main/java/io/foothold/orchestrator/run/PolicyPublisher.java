package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.orchestrator.remote.Holder;
import io.foothold.orchestrator.remote.Sampler;
import io.foothold.orchestrator.update.Artefact;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Publishes a run's policies: the only one whom the inference servers obey from its first publication until it is closed. Says now and then
 * that it is still there, by which a sampler that was started again learns what its servers should have. Thread-safe.
 */
final class PolicyPublisher implements AutoCloseable {
    /** A quarter of a minute: an eighth of the sampler's lease. */
    private static final Duration SAY_EVERY = Duration.ofSeconds(15);

    private final Sampler sampler;
    private final Holder publisher;
    private final Consumer<FootholdException> onLost;
    private final RunClock.Repeats repeats;
    private volatile RunClock.@Nullable Repetition saying;
    private volatile @Nullable Artefact published;
    private volatile boolean closed;
    /** Not a monitor: what is done under it takes as long as the servers. */
    private final ReentrantLock telling = new ReentrantLock();

    /**
     * A publisher; holds nothing before it publishes.
     *
     * @param publisher whom the servers obey
     * @param onLost told when another publisher has the servers
     * @param repeats says now and then that it is there
     */
    PolicyPublisher(Sampler sampler, Holder publisher, Consumer<FootholdException> onLost, RunClock.Repeats repeats) {
        this.sampler = sampler;
        this.publisher = publisher;
        this.onLost = onLost;
        this.repeats = repeats;
    }

    /** Begins to say now and then that it is there; {@link #close} ends it. Once. */
    void start() {
        saying = repeats.every(SAY_EVERY, "publisher-" + publisher.runId(), this::sayOnce);
    }

    /**
     * Switches every inference server to a policy.
     *
     * @return for how long they drew no tokens
     * @throws FootholdException {@link ErrorCode#CONFLICT} when another run's publisher holds the servers; {@link ErrorCode#INTERNAL}
     *     when one of them does not compute what the learner computes
     */
    Duration publish(Artefact next) {
        telling.lock();
        try {
            Duration pause = sampler.publish(next, publisher);
            published = next;
            return pause;
        } finally {
            telling.unlock();
        }
    }

    /** The policy that the servers have. */
    PolicyVersion policy() {
        Artefact now = published;
        if (now == null) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "no policy is published yet");
        }
        return now.policy();
    }

    /** What was published last; empty for nothing. */
    Optional<Artefact> published() {
        return Optional.ofNullable(published);
    }

    /** Publishes the policy again: a sampler that was started again does not know it, nor may the servers behind it. */
    void publishAgain() {
        telling.lock();
        try {
            Artefact now = published;
            if (now != null) {
                var unused = sampler.publish(now, publisher);
            }
        } finally {
            telling.unlock();
        }
    }

    private void sayOnce() {
        telling.lock();
        try {
            say();
        } finally {
            telling.unlock();
        }
    }

    private void say() {
        Artefact now = published;
        if (now == null || closed) {
            return;
        }
        try {
            sampler.publishedStill(now, publisher);
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
        RunClock.Repetition running = saying;
        if (running != null) {
            running.close();
        }
        telling.lock();
        try {
            published = null;
            sampler.release(publisher);
        } catch (FootholdException e) {
            // The sampler is away: what it knew of us went with it, or runs out by itself.
        } finally {
            telling.unlock();
        }
    }
}
