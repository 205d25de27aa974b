package io.foothold.orchestrator.remote;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.Replicas;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.contracts.flow.StreamShape;
import io.foothold.contracts.flow.StreamTimer;
import io.foothold.v1.MutinySamplerServiceGrpc;
import io.foothold.v1.MutinySamplerServiceGrpc.MutinySamplerServiceStub;
import io.foothold.v1.PreparePromptsRequest;
import io.foothold.v1.PublishPolicyRequest;
import io.foothold.v1.PublishPolicyResponse;
import io.foothold.v1.Publisher;
import io.foothold.v1.ReleasePolicyRequest;
import io.foothold.v1.SampleRequest;
import io.foothold.v1.SampleResponse;
import io.foothold.v1.SampleWork;
import io.grpc.Channel;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * The samplers that are there, for all runs. What is published is published to all of them, and one that comes later has it before it is
 * given work: the inference servers obey every sampler, and one that knew another policy would set them back. Thread-safe.
 */
final class SamplerReplicas implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(SamplerReplicas.class);
    private static final Duration PUBLICATION = Duration.ofMinutes(2);
    private static final Duration PAUSE = Duration.ofSeconds(1);

    private final String name;
    private final CreditedStream<SampleRequest, SampleResponse> stream;
    private final StreamTimer timer;
    private final Map<String, MutinySamplerServiceStub> all = new TreeMap<>();
    /** Those that have what was published last. */
    private final Map<String, MutinySamplerServiceStub> ready = new TreeMap<>();

    private @Nullable PublishPolicyRequest published;
    private int asked;
    private boolean closed;

    SamplerReplicas(String name, Replicas replicas, StreamLimits limits) {
        this.name = name;
        this.stream = new CreditedStream<>(
                name,
                StreamShape.of(
                        c -> SampleRequest.newBuilder().setCredit(c).build(),
                        SampleResponse::getCredit,
                        r -> r.hasRollout()
                                ? r.getRollout().getId()
                                : r.getFailed().getRolloutId(),
                        SamplerReplicas::narrowed),
                limits,
                StreamTimer.system("stream-" + name + "-"));
        this.timer = StreamTimer.system("welcome-" + name + "-");
        replicas.follow(this::changed);
    }

    /** Where people look for them. */
    String name() {
        return name;
    }

    /** To every sampler that has the policy that was published last. */
    CreditedStream<SampleRequest, SampleResponse> stream() {
        return stream;
    }

    private synchronized void changed(Map<String, Channel> now) {
        all.keySet().retainAll(now.keySet());
        ready.keySet().retainAll(now.keySet());
        now.forEach((address, channel) -> {
            MutinySamplerServiceStub before = all.get(address);
            if (before != null && before.getChannel() == channel) {
                return;
            }
            // Another channel under an address is another replica: it may know nothing.
            MutinySamplerServiceStub stub = MutinySamplerServiceGrpc.newMutinyStub(channel);
            all.put(address, stub);
            ready.remove(address);
            if (published == null) {
                ready.put(address, stub);
            } else {
                welcome(address);
            }
        });
        list();
    }

    private void list() {
        Map<String, Function<Multi<SampleRequest>, Multi<SampleResponse>>> calls = new LinkedHashMap<>();
        ready.forEach((address, stub) -> calls.put(address, stub::sample));
        stream.replicas(calls);
    }

    /** Publishes to one that does not have what the others have, until it has. */
    private synchronized void welcome(String address) {
        MutinySamplerServiceStub stub = all.get(address);
        PublishPolicyRequest request = published;
        if (closed || stub == null || ready.containsKey(address)) {
            return;
        }
        if (request == null) {
            welcomed(address, stub, null);
            return;
        }
        var unused = publication(stub, request).subscribe().with(done -> welcomed(address, stub, request), failure -> {
            LOG.warnf(
                    "sampler at %s gets no work until it has policy %d: %s",
                    address,
                    request.getPolicyVersion(),
                    FootholdException.of(failure).text());
            later(address);
        });
    }

    private synchronized void later(String address) {
        if (!closed) {
            timer.after(PAUSE, () -> welcome(address));
        }
    }

    private synchronized void welcomed(
            String address, MutinySamplerServiceStub stub, @Nullable PublishPolicyRequest has) {
        if (all.get(address) != stub || published != has) {
            welcome(address);
            return;
        }
        LOG.infof("sampler at %s takes part", address);
        ready.put(address, stub);
        list();
    }

    private static Uni<PublishPolicyResponse> publication(
            MutinySamplerServiceStub sampler, PublishPolicyRequest request) {
        return sampler.publishPolicy(request).ifNoItem().after(PUBLICATION).fail();
    }

    /** What became of a call to one of them. */
    private record Outcome<T>(
            String address, @Nullable T answer, @Nullable FootholdException failure) {}

    private synchronized <T> Uni<List<Outcome<T>>> ofAll(Function<MutinySamplerServiceStub, Uni<T>> call) {
        if (ready.isEmpty()) {
            return Uni.createFrom().failure(nobody());
        }
        List<Uni<Outcome<T>>> calls = new ArrayList<>();
        ready.forEach((address, stub) -> calls.add(call.apply(stub)
                .map(answer -> new Outcome<>(address, answer, null))
                .onFailure()
                .recoverWithItem(failure -> new Outcome<>(address, null, FootholdException.of(failure)))));
        return Uni.join().all(calls).andCollectFailures();
    }

    private FootholdException nobody() {
        return new FootholdException(ErrorCode.PEER_UNAVAILABLE, name + " has no replica that is ready");
    }

    /**
     * Has all of them switch the inference servers to a policy. Fails as one of them refused, or when all are away; one that is away while
     * others are there gets no work until it has the policy.
     *
     * @return of the one whose servers paused longest
     */
    Uni<PublishPolicyResponse> publish(PublishPolicyRequest request) {
        synchronized (this) {
            published = request;
        }
        return ofAll(sampler -> publication(sampler, request)).map(outcomes -> published(request, outcomes));
    }

    private synchronized PublishPolicyResponse published(
            PublishPolicyRequest request, List<Outcome<PublishPolicyResponse>> outcomes) {
        List<Outcome<PublishPolicyResponse>> failed =
                outcomes.stream().filter(o -> o.failure() != null).toList();
        for (Outcome<PublishPolicyResponse> o : failed) {
            FootholdException why = o.failure();
            if (why != null && (!why.code().retryable() || failed.size() == outcomes.size())) {
                throw why;
            }
        }
        failed.forEach(o -> {
            ready.remove(o.address());
            later(o.address());
        });
        list();
        return outcomes.stream()
                .map(Outcome::answer)
                .filter(answer -> answer != null)
                .max(Comparator.comparingLong(PublishPolicyResponse::getPauseMicros))
                .orElseThrow(this::nobody);
    }

    /** Lets another publisher have the inference servers. */
    Uni<Void> release(Publisher publisher) {
        synchronized (this) {
            if (published != null && published.getPublisher().equals(publisher)) {
                published = null;
            }
        }
        ReleasePolicyRequest request =
                ReleasePolicyRequest.newBuilder().setPublisher(publisher).build();
        return ofAll(sampler -> sampler.releasePolicy(request)).map(SamplerReplicas::theirs);
    }

    /** Has all of them encode prompts. */
    Uni<Void> prepare(PreparePromptsRequest request) {
        return ofAll(sampler -> sampler.preparePrompts(request)).map(SamplerReplicas::theirs);
    }

    private static <T> @Nullable Void theirs(List<Outcome<T>> outcomes) {
        for (Outcome<T> o : outcomes) {
            if (o.failure() != null) {
                throw o.failure();
            }
        }
        return null;
    }

    /** One of them, each time another. */
    synchronized MutinySamplerServiceStub any() {
        if (ready.isEmpty()) {
            throw nobody();
        }
        return List.copyOf(ready.values()).get(Math.floorMod(asked++, ready.size()));
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
        }
        timer.close();
        stream.close();
    }

    private static SampleRequest narrowed(SampleRequest request, Set<String> missing) {
        SampleWork work = request.getWork();
        return request.toBuilder()
                .setWork(work.toBuilder()
                        .clearReservations()
                        .addAllReservations(work.getReservationsList().stream()
                                .filter(r -> missing.contains(r.getRolloutId()))
                                .toList()))
                .build();
    }
}
