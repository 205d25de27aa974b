package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.flow.Replicas;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.ProblemKind;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.v1.*;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.stub.StreamObserver;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.operators.multi.processors.UnicastProcessor;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Several replicas of each service that scales, which come and go. */
class ReplicasTest {
    private final List<AutoCloseable> open = new ArrayList<>();

    /** Who is there, as a test says. */
    private static final class Listed implements Replicas {
        private final Map<String, Channel> now = new TreeMap<>();
        private final List<Consumer<Map<String, Channel>>> followers = new CopyOnWriteArrayList<>();

        @Override
        public String address() {
            return "name:1";
        }

        @Override
        public synchronized Map<String, Channel> now() {
            return Map.copyOf(now);
        }

        @Override
        public synchronized void follow(Consumer<Map<String, Channel>> follower) {
            followers.add(follower);
            follower.accept(now());
        }

        @Override
        public void close() {}

        synchronized void comes(String address, Channel channel) {
            now.put(address, channel);
            followers.forEach(f -> f.accept(now()));
        }

        synchronized void leaves(String address) {
            now.remove(address);
            followers.forEach(f -> f.accept(now()));
        }
    }

    /** A sampler that takes four groups at a time, and holds them while a test wants it. */
    private final class OneSampler extends SamplerServiceGrpc.SamplerServiceImplBase {
        final List<Long> published = new CopyOnWriteArrayList<>();
        final AtomicInteger sampled = new AtomicInteger();
        final AtomicInteger taken = new AtomicInteger();
        final AtomicInteger withoutPolicy = new AtomicInteger();
        final AtomicInteger released = new AtomicInteger();
        volatile boolean holds;
        volatile @Nullable FootholdException refusal;
        private final CreditedService<SampleRequest, SampleResponse> service = new CreditedService<>(
                "test",
                CreditedService.Shape.of(
                        SampleRequest::getCredit,
                        c -> SampleResponse.newBuilder().setCredit(c).build(),
                        (request, failure) -> List.of()),
                4,
                (request, out) -> {
                    if (published.isEmpty()) {
                        withoutPolicy.incrementAndGet();
                    }
                    if (holds) {
                        taken.incrementAndGet();
                    } else {
                        sampled.incrementAndGet();
                        request.getWork()
                                .getReservationsList()
                                .forEach(r -> out.emit(SampleResponse.newBuilder()
                                        .setRollout(Rollout.newBuilder().setId(r.getRolloutId()))
                                        .build()));
                        out.done();
                    }
                    return () -> {};
                });

        @Override
        public StreamObserver<SampleRequest> sample(StreamObserver<SampleResponse> out) {
            UnicastProcessor<SampleRequest> in = UnicastProcessor.create();
            service.serve(in).subscribe().with(out::onNext, out::onError, out::onCompleted);
            return new StreamObserver<>() {
                @Override
                public void onNext(SampleRequest request) {
                    in.onNext(request);
                }

                @Override
                public void onError(Throwable failure) {
                    in.onError(failure);
                }

                @Override
                public void onCompleted() {
                    in.onComplete();
                }
            };
        }

        @Override
        public void publishPolicy(PublishPolicyRequest request, StreamObserver<PublishPolicyResponse> out) {
            FootholdException no = refusal;
            if (no != null) {
                out.onError(no.toStatus());
                return;
            }
            published.add(request.getPolicyVersion());
            out.onNext(PublishPolicyResponse.newBuilder()
                    .setPolicyVersion(request.getPolicyVersion())
                    .build());
            out.onCompleted();
        }

        @Override
        public void releasePolicy(ReleasePolicyRequest request, StreamObserver<ReleasePolicyResponse> out) {
            released.incrementAndGet();
            out.onNext(ReleasePolicyResponse.getDefaultInstance());
            out.onCompleted();
        }
    }

    private final Listed samplers = new Listed();
    private final Listed verifiers = new Listed();
    private final Map<String, Server> servers = new TreeMap<>();

    private Channel serve(String address, io.grpc.BindableService service) {
        try {
            String name = InProcessServerBuilder.generateName();
            Server server = InProcessServerBuilder.forName(name)
                    .addService(service)
                    .build()
                    .start();
            servers.put(address, server);
            ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
            open.add(server::shutdownNow);
            open.add(channel::shutdownNow);
            return channel;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private OneSampler sampler(String address) {
        OneSampler sampler = new OneSampler();
        samplers.comes(address, serve(address, sampler));
        return sampler;
    }

    private GrpcServices services() {
        Channel nobody = InProcessChannelBuilder.forName("nobody").build();
        GrpcServices services = new GrpcServices(
                new GrpcServices.Channels(nobody, samplers, verifiers, Replicas.only("nobody", nobody), nobody),
                StreamLimits.standard(),
                new GrpcServices.Waiting(Duration.ofSeconds(5), Duration.ofMinutes(1), Duration.ofMinutes(1)));
        open.add(services);
        return services;
    }

    @AfterEach
    void close() throws Exception {
        Collections.reverse(open);
        for (AutoCloseable c : open) {
            c.close();
        }
    }

    private static CompletableFuture<Void> sample(GrpcServices services, int number) {
        return services.sampler()
                .sample(
                        new Sampler.Work(
                                "g" + number,
                                new PromptedStart(new io.foothold.core.start.StartState.Root("p"), "", 0),
                                new Sampling(1, 1, 0, 1, new Sampling.Thoughts("", 0, 0), List.of(), Optional.empty()),
                                List.of(new Sampler.Reservation("r" + number, 1)),
                                new Sampler.Wanted(new PolicyVersion(0, "d"), false),
                                false),
                        r -> {});
    }

    private static final Holder PUBLISHER = new Holder("run", 0, "token");

    private static Artefact policy(long version) {
        return new Artefact(new PolicyVersion(version, "digest"), "uri", Optional.empty(), Optional.empty());
    }

    private static void all(List<CompletableFuture<Void>> work) {
        work.forEach(w -> assertThat(w).succeedsWithin(Duration.ofSeconds(20)));
    }

    @Test
    void groupsGoToEverySamplerAndAPolicyIsPublishedToEachOfThem() {
        OneSampler a = sampler("a");
        OneSampler b = sampler("b");
        OneSampler c = sampler("c");
        GrpcServices services = services();
        services.sampler().publish(policy(3), PUBLISHER);
        for (OneSampler one : List.of(a, b, c)) {
            assertThat(one.published).containsExactly(3L);
        }
        for (int i = 0; i < 3; i++) {
            assertThat(sample(services, i)).succeedsWithin(Duration.ofSeconds(20));
        }
        List.of(a, b, c).forEach(one -> {
            one.sampled.set(0);
            one.holds = true;
        });
        List<CompletableFuture<Void>> work = new ArrayList<>();
        for (int i = 10; i < 19; i++) {
            work.add(sample(services, i));
        }
        await().atMost(Duration.ofSeconds(20)).until(() -> a.taken.get() + b.taken.get() + c.taken.get() == 9);
        assertThat(List.of(a, b, c)).allSatisfy(one -> assertThat(one.taken).hasPositiveValue());
        OneSampler d = sampler("d");
        for (String address : List.of("a", "b", "c")) {
            samplers.leaves(address);
            servers.get(address).shutdownNow();
        }
        all(work);
        assertThat(d.published).containsExactly(3L);
        assertThat(d.sampled).as("what the others held").hasValue(9);
        assertThat(d.withoutPolicy).as("work before the policy").hasValue(0);
    }

    @Test
    void aSamplerThatComesLaterHasThePolicyBeforeItHasWork() {
        OneSampler a = sampler("a");
        GrpcServices services = services();
        services.sampler().publish(policy(1), PUBLISHER);
        services.sampler().publish(policy(2), PUBLISHER);
        OneSampler late = new OneSampler();
        late.refusal = new FootholdException(ErrorCode.PEER_UNAVAILABLE, "its servers are away");
        samplers.comes("late", serve("late", late));
        for (int i = 0; i < 20; i++) {
            assertThat(sample(services, i)).succeedsWithin(Duration.ofSeconds(20));
        }
        assertThat(late.sampled).hasValue(0);
        late.refusal = null;
        await().atMost(Duration.ofSeconds(20)).until(() -> !late.published.isEmpty());
        a.holds = true;
        for (int i = 100; i < 110; i++) {
            var unused = sample(services, i);
        }
        await().atMost(Duration.ofSeconds(20)).until(() -> late.sampled.get() > 0);
        assertThat(late.published).containsExactly(2L);
        assertThat(late.withoutPolicy).hasValue(0);
    }

    @Test
    void aPublicationIsDoneWhenOneIsAwayAndRefusedWhenOneRefuses() {
        OneSampler a = sampler("a");
        OneSampler b = sampler("b");
        GrpcServices services = services();
        b.refusal = new FootholdException(ErrorCode.PEER_UNAVAILABLE, "restarting");
        services.sampler().publish(policy(7), PUBLISHER);
        assertThat(a.published).containsExactly(7L);
        for (int i = 0; i < 10; i++) {
            assertThat(sample(services, i)).succeedsWithin(Duration.ofSeconds(20));
        }
        assertThat(b.sampled).as("it has no policy").hasValue(0);
        b.refusal = null;
        await().atMost(Duration.ofSeconds(20)).until(() -> !b.published.isEmpty());
        a.refusal = new FootholdException(ErrorCode.CONFLICT, "another run has them");
        assertThatThrownBy(() -> services.sampler().publish(policy(8), PUBLISHER))
                .hasMessageContaining("another run has them");
    }

    @Test
    void whoLetsGoLetsGoOfAllAndANewcomerIsToldNothing() {
        OneSampler a = sampler("a");
        OneSampler b = sampler("b");
        GrpcServices services = services();
        services.sampler().publish(policy(1), PUBLISHER);
        services.sampler().release(PUBLISHER);
        assertThat(List.of(a.released.get(), b.released.get())).containsExactly(1, 1);
        OneSampler late = sampler("late");
        for (int i = 0; i < 10; i++) {
            assertThat(sample(services, i)).succeedsWithin(Duration.ofSeconds(20));
        }
        assertThat(late.published).isEmpty();
    }

    @Test
    void aSamplerIsToldOnceWhoeverElseComesAndGoes() {
        sampler("a");
        GrpcServices services = services();
        services.sampler().publish(policy(1), PUBLISHER);
        List<OneSampler> more = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            more.add(sampler("b" + i));
        }
        samplers.leaves("a");
        more.forEach(one -> await().atMost(Duration.ofSeconds(20)).until(() -> !one.published.isEmpty()));
        assertThat(sample(services, 1)).succeedsWithin(Duration.ofSeconds(20));
        assertThat(more).allSatisfy(one -> assertThat(one.published).containsExactly(1L));
    }

    @Test
    void samplersThatAreNotThereYetAreWaitedFor() {
        GrpcServices services = services();
        CompletableFuture<Duration> publishing = CompletableFuture.supplyAsync(
                () -> services.sampler().publish(policy(1), PUBLISHER), Thread::startVirtualThread);
        CompletableFuture<Void> work = sample(services, 1);
        OneSampler a = sampler("a");
        assertThat(publishing).succeedsWithin(Duration.ofSeconds(20));
        assertThat(work).succeedsWithin(Duration.ofSeconds(20));
        assertThat(a.published).contains(1L);
    }

    @Test
    void verdictsAreAskedOfEveryVerifierAndWhatALostOneHadIsAskedOfAnother() {
        Map<String, AtomicInteger> judged = new TreeMap<>();
        for (String address : List.of("a", "b", "c")) {
            AtomicInteger count = judged.computeIfAbsent(address, x -> new AtomicInteger());
            CreditedService<VerifyRequest, VerifyResponse> service = new CreditedService<>(
                    "test",
                    CreditedService.Shape.of(
                            VerifyRequest::getCredit,
                            c -> VerifyResponse.newBuilder().setCredit(c).build(),
                            (request, failure) -> List.of()),
                    4,
                    (request, out) -> {
                        count.incrementAndGet();
                        if (!address.equals("c")) {
                            out.emit(VerifyResponse.newBuilder()
                                    .setResult(VerifyResult.newBuilder()
                                            .setRolloutId(request.getWork().getRolloutId())
                                            .setVerdict(Verdict.newBuilder()
                                                    .setKind(VerdictKind.VERDICT_KIND_PASS)
                                                    .setScore(1)))
                                    .build());
                            out.done();
                        }
                        return () -> {};
                    });
            verifiers.comes(address, serve(address, new MutinyVerifierServiceGrpc.VerifierServiceImplBase() {
                @Override
                public Multi<VerifyResponse> verify(Multi<VerifyRequest> request) {
                    return service.serve(request);
                }
            }));
        }
        GrpcServices services = services();
        List<CompletableFuture<io.foothold.core.verdict.Verdict>> verdicts = new ArrayList<>();
        // Until the last one, whose connection may be made after the others have judged everything, has something to
        // lose.
        await().atMost(Duration.ofSeconds(20)).until(() -> {
            for (int i = 0; i < 20; i++) {
                verdicts.add(
                        services.verifier().verify(Asked.of("r" + verdicts.size(), ProblemKind.MATH, "1", "1"), ""));
            }
            return judged.get("c").get() > 0;
        });
        servers.get("c").shutdownNow();
        verdicts.forEach(v -> assertThat(v).succeedsWithin(Duration.ofSeconds(20)));
        assertThat(judged.values()).allSatisfy(count -> assertThat(count).hasPositiveValue());
    }
}
