package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedService;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.ProblemKind;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.Rollouts;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.v1.*;
import io.grpc.BindableService;
import io.grpc.Channel;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.smallrye.mutiny.Multi;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What stop and abort reach of the work that runs have in the shared streams, and what they leave for whoever comes next. */
@Timeout(60)
class ServicesStopTest {
    private static final StreamLimits TWO_QUEUED = new StreamLimits(
            256,
            2,
            Duration.ofMinutes(10),
            Duration.ofMillis(20),
            Duration.ofMillis(50),
            Duration.ofMinutes(5),
            Duration.ofMinutes(10));

    private final List<AutoCloseable> open = new ArrayList<>();
    private final Channel nobody =
            opened(InProcessChannelBuilder.forName("nobody is here").build());

    private <T extends io.grpc.ManagedChannel> T opened(T channel) {
        open.add(channel::shutdownNow);
        return channel;
    }

    @AfterEach
    void close() throws Exception {
        for (int i = open.size() - 1; i >= 0; i--) {
            open.get(i).close();
        }
    }

    private Channel serve(BindableService service) throws IOException {
        String name = InProcessServerBuilder.generateName();
        var server =
                InProcessServerBuilder.forName(name).addService(service).build().start();
        open.add(server::shutdownNow);
        return opened(InProcessChannelBuilder.forName(name).build());
    }

    private Services services(GrpcServices.Channels channels, StreamLimits limits) {
        GrpcServices services = new GrpcServices(channels, limits);
        open.add(services);
        return services;
    }

    /** The streams in which a run waits for one of its items. */
    private enum Item {
        SAMPLE {
            @Override
            CompletableFuture<?> ask(Services services, String id) {
                return services.sampler()
                        .sample(
                                new Sampler.Work(
                                        "g",
                                        new PromptedStart(new io.foothold.core.start.StartState.Root("p"), "", 0),
                                        new Sampling(
                                                1,
                                                1,
                                                0,
                                                1,
                                                new Sampling.Thoughts("", 0, 0),
                                                List.of(),
                                                Optional.empty()),
                                        List.of(new Sampler.Reservation(id, 1)),
                                        new Sampler.Wanted(new PolicyVersion(0, "d"), false),
                                        false),
                                response -> {});
            }
        },
        VERIFY {
            @Override
            CompletableFuture<?> ask(Services services, String id) {
                return services.verifier().verify(Asked.of(id, ProblemKind.MATH, "", ""), "");
            }
        },
        LOCALIZE {
            @Override
            CompletableFuture<?> ask(Services services, String id) {
                return services.localizer()
                        .localize(new Localizer.Work(
                                Rollouts.named(id),
                                new Localizer.Manner(
                                        Localizer.Mode.RANDOM, 1, 0, "", new Localizer.Wording("", 0, 1, 1)),
                                new io.foothold.core.problem.Problem(
                                        "p", "", ProblemKind.MATH, "", List.of(), "", "train", 0),
                                false,
                                1,
                                List.of(),
                                ""));
            }
        };

        abstract CompletableFuture<?> ask(Services services, String id);
    }

    private enum Ending {
        STOP(ErrorCode.CANCELLED),
        ABORT(ErrorCode.STORAGE);

        private final ErrorCode code;

        Ending(ErrorCode code) {
            this.code = code;
        }

        void of(StopSignal signal) {
            switch (this) {
                case STOP -> signal.stop();
                case ABORT -> signal.abort(new FootholdException(ErrorCode.STORAGE, "the disk is full"));
            }
        }
    }

    private static void assertEnded(Future<?> call, ErrorCode code) {
        assertThatThrownBy(() -> call.get(20, TimeUnit.SECONDS))
                .isInstanceOf(ExecutionException.class)
                .satisfies(e -> assertThat(FootholdException.of(e).code()).isEqualTo(code));
    }

    @ParameterizedTest
    @EnumSource(Item.class)
    void whoeverWaitsForSpaceHearsOfTheEndAndLeavesItToOthers(Item item) {
        Services all = services(new GrpcServices.Channels(nobody, nobody, nobody, nobody, nobody), TWO_QUEUED);
        for (Ending ending : Ending.values()) {
            StopSignal signal = new StopSignal();
            Services run = all.until(signal, Waits.SILENT);
            Set<String> inside = ConcurrentHashMap.newKeySet();
            List<Future<?>> calls = new ArrayList<>();
            try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
                for (int i = 0; i < 7; i++) {
                    String id = item + "/" + ending + "/" + i;
                    calls.add(threads.submit(() -> {
                        inside.add(id);
                        return item.ask(run, id).get();
                    }));
                }
                await().until(() -> inside.size() == 7);
                ending.of(signal);
                calls.forEach(call -> assertEnded(call, ending.code));
                threads.shutdownNow();
            }
        }
        StopSignal next = new StopSignal();
        Services run = all.until(next, Waits.SILENT);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            // Two find space at once, as nothing of the runs that ended is queued any more.
            List<CompletableFuture<?>> waits = new ArrayList<>();
            Future<?> both = threads.submit(() -> {
                waits.add(item.ask(run, "next/1"));
                waits.add(item.ask(run, "next/2"));
            });
            assertThat(both).succeedsWithin(Duration.ofSeconds(20));
            assertThat(waits).hasSize(2).noneMatch(CompletableFuture::isDone);
            next.stop();
        }
    }

    @Test
    void aStreamThatIsLostIsToldToTheRunThatWaits() throws Exception {
        Services all = services(new GrpcServices.Channels(nobody, nobody, nobody, nobody, nobody), TWO_QUEUED);
        for (String service : List.of("sampler", "verifier", "localizer", "learner")) {
            List<String> news = java.util.Collections.synchronizedList(new ArrayList<>());
            StopSignal signal = new StopSignal();
            Services run = all.until(signal, new Waits() {
                @Override
                public void lost(String lost, String reason) {
                    news.add(lost);
                }

                @Override
                public void found(String found, Duration after) {}
            });
            try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
                Future<?> work = threads.submit(() -> switch (service) {
                    case "sampler" -> Item.SAMPLE.ask(run, "r").get();
                    case "verifier" -> Item.VERIFY.ask(run, "r").get();
                    case "localizer" -> Item.LOCALIZE.ask(run, "r").get();
                    default -> run.learner().train(List.of(group(0, 1)));
                });
                await().until(() -> !news.isEmpty());
                signal.stop();
                assertEnded(work, ErrorCode.CANCELLED);
            }
            assertThat(news).containsExactly(service + " at localhost");
        }
    }

    /** A learner that does what a test says when a batch of one group comes. */
    private Channel learner(Consumer<Batch> learning) throws IOException {
        CreditedService<TrainRequest, TrainResponse> service = new CreditedService<>(
                "training",
                CreditedService.Shape.of(
                        TrainRequest::getCredit,
                        c -> TrainResponse.newBuilder().setCredit(c).build(),
                        (request, failure) -> List.of()),
                64,
                (request, results) -> {
                    learning.accept(new Batch(request.getGroup(), results));
                    return () -> {};
                });
        return serve(new MutinyLearnerServiceGrpc.LearnerServiceImplBase() {
            @Override
            public Multi<TrainResponse> train(Multi<TrainRequest> request) {
                return service.serve(request);
            }
        });
    }

    private record Batch(TrainGroup group, CreditedService.Results<TrainResponse> results) {
        void trained() {
            results.emit(TrainResponse.newBuilder()
                    .setOutcome(GroupOutcome.newBuilder()
                            .setRunId(group.getRunId())
                            .setUpdate(group.getUpdate())
                            .setIndex(group.getIndex())
                            .setManifest(UpdateManifest.newBuilder()
                                    .setUpdate(group.getUpdate())
                                    .setDigest("d")))
                    .build());
            results.done();
        }
    }

    private static io.foothold.orchestrator.rollout.TrainGroup group(int index, int of) {
        return new io.foothold.orchestrator.rollout.TrainGroup("r", 5, index, of, "", "", List.of());
    }

    @Test
    void aBatchThatAnAbortLeftIsWaitedForBeforeItIsSentAgain() throws Exception {
        List<Batch> came = java.util.Collections.synchronizedList(new ArrayList<>());
        Services all = services(
                new GrpcServices.Channels(nobody, nobody, nobody, nobody, learner(came::add)), StreamLimits.standard());
        List<io.foothold.orchestrator.rollout.TrainGroup> batch = List.of(group(0, 2), group(1, 2));
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            StopSignal aborted = new StopSignal();
            Future<?> first = threads.submit(
                    () -> all.until(aborted, Waits.SILENT).learner().train(batch));
            await().until(() -> came.size() == 2);
            Ending.ABORT.of(aborted);
            assertEnded(first, ErrorCode.STORAGE);
            Future<Manifest> again = threads.submit(
                    () -> all.until(new StopSignal(), Waits.SILENT).learner().train(batch));
            List.copyOf(came).forEach(Batch::trained);
            await().until(() -> came.size() == 4 || again.isDone());
            assertThat(came).as("a second time, once the first is over").hasSize(4);
            came.subList(2, 4).forEach(Batch::trained);
            assertThat(again.get(20, TimeUnit.SECONDS).update()).isEqualTo(5);
        }
    }

    @Test
    void twoWhoTrainTheSameBatchAtOnceDoSoOneAfterTheOther() throws Exception {
        Services all = services(
                new GrpcServices.Channels(
                        nobody, nobody, nobody, nobody, learner(b -> Thread.startVirtualThread(b::trained))),
                StreamLimits.standard());
        List<io.foothold.orchestrator.rollout.TrainGroup> batch = java.util.stream.IntStream.range(0, 8)
                .mapToObj(i -> group(i, 8))
                .toList();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<Manifest>> trainings = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                trainings.add(threads.submit(() ->
                        all.until(new StopSignal(), Waits.SILENT).learner().train(batch)));
            }
            for (Future<Manifest> training : trainings) {
                assertThat(training.get(20, TimeUnit.SECONDS).update()).isEqualTo(5);
            }
        }
    }

    @Test
    void aStopWhileTheLearnerIsAwayReachesABatchThatWaitsForSpaceAndNothingOfItStays() {
        Services all = services(new GrpcServices.Channels(nobody, nobody, nobody, nobody, nobody), TWO_QUEUED);
        List<io.foothold.orchestrator.rollout.TrainGroup> batch = java.util.stream.IntStream.range(0, 5)
                .mapToObj(i -> group(i, 5))
                .toList();
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (Ending ending : Ending.values()) {
                StopSignal signal = new StopSignal();
                Future<?> training = threads.submit(
                        () -> all.until(signal, Waits.SILENT).learner().train(batch));
                assertThatThrownBy(() -> training.get(300, TimeUnit.MILLISECONDS))
                        .isInstanceOf(java.util.concurrent.TimeoutException.class);
                ending.of(signal);
                assertEnded(training, ending.code);
            }
            threads.shutdownNow();
        }
    }
}
