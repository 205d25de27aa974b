package io.foothold.cli;

import io.foothold.augmentation.grpc.AugmentationGrpc;
import io.foothold.contracts.door.PeerChannels;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.files.StoreConfig;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelStreamInferResponse;
import io.foothold.inference.MutinyGRPCInferenceServiceGrpc;
import io.foothold.learner.config.LearnerConfig;
import io.foothold.learner.grpc.LearnerGrpc;
import io.foothold.localizer.grpc.LocalizerGrpc;
import io.foothold.orchestrator.event.RunEvent;
import io.foothold.orchestrator.ledger.LedgerDatabase;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.remote.WaitClock;
import io.foothold.orchestrator.run.RunClock;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.run.RunThreads;
import io.foothold.orchestrator.run.Seat;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.Precision;
import io.foothold.policyserver.grpc.TritonGrpc;
import io.foothold.policyserver.serving.ModelHost;
import io.foothold.sampler.config.SamplerConfig;
import io.foothold.sampler.grpc.SamplerGrpc;
import io.foothold.store.ArtefactStore;
import io.foothold.store.ConfiguredStore;
import io.foothold.v1.*;
import io.foothold.verifier.answer.Judge;
import io.foothold.verifier.chat.ChatJudges;
import io.foothold.verifier.code.CodeVerifier;
import io.foothold.verifier.code.Sandbox;
import io.foothold.verifier.function.RewardFunctions;
import io.foothold.verifier.grpc.Scorers;
import io.foothold.verifier.grpc.VerifierGrpc;
import io.foothold.verifier.triton.RewardModels;
import io.grpc.BindableService;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.ServerBuilder;
import io.grpc.ServerServiceDefinition;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.sql.DataSource;

/** Every service over real gRPC on loopback, without the container, for tests. Closing it is a crash: nothing is flushed. */
final class Stack implements AutoCloseable {
    private static final Roots ANYWHERE = Roots.of(List.of(Path.of("/")));

    final List<RunEvent> events = new CopyOnWriteArrayList<>();
    final RunManager runs;
    final LedgerStore ledger;
    final ManagedChannel inference;
    final TritonGrpc triton;
    final SamplerGrpc sampler;
    /** Told of every event before the run goes on. */
    volatile Consumer<RunEvent> onEvent = event -> {};

    final Restartable augmentation;
    final Restartable learner;
    private final Optional<ConfiguredStore> store;
    private final Roots roots;
    private final List<AutoCloseable> open = new ArrayList<>();
    private final Function<String, RunManager> others;
    /** Shut, the first orchestrator's ledger does not answer: as if its process stood still. */
    final ReentrantReadWriteLock gate = new ReentrantReadWriteLock();

    Stack(Path home) throws IOException {
        this(home, "dial", false);
    }

    /** A stack on another directory's policy. */
    Stack(Path home, Path policy) throws IOException {
        this(home, policy, Optional.empty());
    }

    /** Prompts that were encoded ahead of their update. */
    final List<List<String>> prepared = Collections.synchronizedList(new ArrayList<>());

    /**
     * A stack on a shipped policy.
     *
     * @param keepFirst whether a second engine keeps the first policy
     */
    Stack(Path home, String policyName, boolean keepFirst) throws IOException {
        this(home, shipped(policyName), keepFirst ? Optional.of(shipped(policyName)) : Optional.empty());
    }

    /** A stack on the dial's policy whose runs wait for so long. */
    Stack(Path home, GrpcServices.Waiting waiting) throws IOException {
        this(home, shipped("dial"), Optional.empty(), waiting);
    }

    /**
     * A stack with a second engine that keeps its policy.
     *
     * @param kept directory of that policy
     */
    Stack(Path home, String policyName, Path kept) throws IOException {
        this(home, shipped(policyName), Optional.of(kept));
    }

    private static Path shipped(String policyName) {
        return Path.of(System.getProperty("foothold.root"), "services/foothold/policies", policyName);
    }

    private Stack(Path home, Path policy, Optional<Path> kept) throws IOException {
        this(home, policy, kept, GrpcServices.Waiting.standard());
    }

    private Stack(Path home, Path policy, Optional<Path> kept, GrpcServices.Waiting waiting) throws IOException {
        this(home, policy, kept, waiting, file(home), Optional.empty());
    }

    /** A stack on the dial's policy with its artefacts in an object store. */
    Stack(Path home, StoreConfig store) throws IOException {
        this(
                home,
                shipped("dial"),
                Optional.empty(),
                GrpcServices.Waiting.standard(),
                file(home),
                Optional.of(new ConfiguredStore(store)));
    }

    /** A stack on the dial's policy with its ledger elsewhere. */
    Stack(Path home, LedgerDatabase.Address ledger) throws IOException {
        this(home, shipped("dial"), Optional.empty(), GrpcServices.Waiting.standard(), ledger, Optional.empty());
    }

    private static LedgerDatabase.Address file(Path home) {
        return new LedgerDatabase.Address(
                "jdbc:h2:file:" + home.resolve("ledger") + ";WRITE_DELAY=0", Optional.empty(), Optional.empty(), 16);
    }

    private DataSource gated(DataSource source) {
        return (DataSource) Proxy.newProxyInstance(
                Stack.class.getClassLoader(), new Class<?>[] {DataSource.class}, (self, method, arguments) -> {
                    gate.readLock().lock();
                    try {
                        return method.invoke(source, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    } finally {
                        gate.readLock().unlock();
                    }
                });
    }

    private static LedgerStore store(LedgerDatabase database, DataSource source) {
        return database.address().shared()
                ? new LedgerStore(
                        source,
                        database.address().told(),
                        Duration.ofMinutes(2),
                        WaitClock.system(),
                        () -> Instant.EPOCH,
                        (end, number) -> {})
                : new LedgerStore(source, () -> Instant.EPOCH);
    }

    private Stack(
            Path home,
            Path policy,
            Optional<Path> kept,
            GrpcServices.Waiting waiting,
            LedgerDatabase.Address ledgerAddress,
            Optional<ConfiguredStore> store)
            throws IOException {
        this.store = store;
        this.roots = ANYWHERE.with(store.flatMap(ConfiguredStore::store).map(ArtefactStore::home));
        triton = engine(policy);
        int enginePort = serve(streaming(triton));
        Optional<List<String>> frozen = Optional.empty();
        if (kept.isPresent()) {
            frozen = Optional.of(List.of("127.0.0.1:" + serve(streaming(engine(kept.get())))));
        }
        inference = channel(enginePort);
        augmentation = new Restartable(Stack::augmentation);
        int augmentationPort = augmentation.port();
        sampler = new SamplerGrpc(
                samplerConfig(enginePort, frozen), roots, new SimpleMeterRegistry(), PeerChannels.plain());
        int samplerPort = serve(new MutinySamplerServiceGrpc.SamplerServiceImplBase() {
            @Override
            public Multi<SampleResponse> sample(Multi<SampleRequest> request) {
                return sampler.sample(request);
            }

            @Override
            public Uni<PublishPolicyResponse> publishPolicy(PublishPolicyRequest request) {
                return sampler.publishPolicy(request);
            }

            @Override
            public Uni<ReleasePolicyResponse> releasePolicy(ReleasePolicyRequest request) {
                return sampler.releasePolicy(request);
            }

            @Override
            public Uni<PreparePromptsResponse> preparePrompts(PreparePromptsRequest request) {
                prepared.add(request.getPromptsList());
                return sampler.preparePrompts(request);
            }

            @Override
            public Uni<GetSamplerStatusResponse> getSamplerStatus(GetSamplerStatusRequest request) {
                return sampler.getSamplerStatus(request);
            }
        });
        VerifierGrpc verifier = new VerifierGrpc(
                256,
                1,
                1,
                new Judge(new CodeVerifier(new Sandbox(Sandbox.Tools.standard()), 1 << 20)),
                new Scorers(
                        new RewardFunctions(RewardFunctions.Setup.standard()),
                        new ChatJudges(ChatJudges.Setup.any()),
                        new RewardModels(RewardModels.Setup.any(Optional.empty()))),
                new SimpleMeterRegistry());
        int verifierPort = serve(new MutinyVerifierServiceGrpc.VerifierServiceImplBase() {
            @Override
            public Multi<VerifyResponse> verify(Multi<VerifyRequest> request) {
                return verifier.verify(request);
            }
        });
        LocalizerGrpc localizer = new LocalizerGrpc(256, Optional.empty(), new SimpleMeterRegistry());
        int localizerPort = serve(new MutinyLocalizerServiceGrpc.LocalizerServiceImplBase() {
            @Override
            public Multi<LocalizeResponse> localize(Multi<LocalizeRequest> request) {
                return localizer.localize(request);
            }
        });
        learner = new Restartable(() -> learner(home));
        int learnerPort = learner.port();
        LedgerDatabase database = LedgerDatabase.open(ledgerAddress);
        open.add(database);
        ledger = store(database, gated(database.source()));
        open.add(ledger);
        String name = ledgerAddress.shared() ? "first" : "only";
        int[] ports = {augmentationPort, samplerPort, verifierPort, localizerPort, learnerPort};
        others = seatName -> {
            LedgerStore own = store(database, database.source());
            open.add(own);
            return orchestrator(own, home, ports, waiting, seatName);
        };
        runs = orchestrator(ledger, home, ports, waiting, name);
    }

    private RunManager orchestrator(
            LedgerStore own, Path home, int[] ports, GrpcServices.Waiting waiting, String name) {
        GrpcServices services = new GrpcServices(
                new GrpcServices.Channels(
                        channel(ports[0]), channel(ports[1]), channel(ports[2]), channel(ports[3]), channel(ports[4])),
                StreamLimits.standard(),
                waiting);
        open.add(services);
        return new RunManager(
                own,
                services,
                home.resolve("runs"),
                event -> {
                    events.add(event);
                    onEvent.accept(event);
                },
                RunClock.system(),
                RunThreads.system(),
                new Seat(name, "learner", Duration.ofSeconds(3), name.equals("only")));
    }

    /** Another orchestrator with the same ledger, which must be in a database that several can have, and the same services. */
    RunManager another(String name) {
        return others.apply(name);
    }

    private static Running augmentation() {
        return new Running(new AugmentationGrpc(ANYWHERE, new SimpleMeterRegistry()), () -> {});
    }

    private Running learner(Path home) {
        LearnerConfig config = new LearnerConfig() {
            @Override
            public String home() {
                return home.resolve("runs").toString();
            }

            @Override
            public int window() {
                return 256;
            }

            @Override
            public String torchPackage() {
                return Path.of(System.getProperty("foothold.root"), "services/learner/torch")
                        .toString();
            }
        };
        LearnerGrpc service = store.map(s -> new LearnerGrpc(config, roots, new SimpleMeterRegistry(), s))
                .orElseGet(() -> new LearnerGrpc(config, roots, new SimpleMeterRegistry()));
        MutinyLearnerServiceGrpc.LearnerServiceImplBase learner =
                new MutinyLearnerServiceGrpc.LearnerServiceImplBase() {
                    @Override
                    public Multi<TrainResponse> train(Multi<TrainRequest> request) {
                        return service.train(request);
                    }
                };
        // Answered on the learner's one thread, behind what is under way there.
        SaveCheckpointRequest unknown =
                SaveCheckpointRequest.newBuilder().setRunId("nobody").build();
        BindableService answering = () -> {
            ServerServiceDefinition out = learner.bindService();
            out = answering(out, LearnerServiceGrpc.getOpenRunMethod(), service::openRun);
            out = answering(out, LearnerServiceGrpc.getSaveCheckpointMethod(), service::saveCheckpoint);
            out = answering(out, LearnerServiceGrpc.getScoreSolutionsMethod(), service::scoreSolutions);
            out = answering(out, LearnerServiceGrpc.getKeepRunMethod(), service::keepRun);
            out = answering(out, LearnerServiceGrpc.getAwaitStoredMethod(), service::awaitStored);
            return answering(out, LearnerServiceGrpc.getCloseRunMethod(), service::closeRun);
        };
        return new Running(answering, () -> service.saveCheckpoint(unknown)
                .onFailure()
                .recoverWithNull()
                .await()
                .indefinitely());
    }

    /** The same service with one method whose refusals reach the caller: outside of the container the generated glue loses them. */
    private static <Q, R> ServerServiceDefinition answering(
            ServerServiceDefinition service, MethodDescriptor<Q, R> method, Function<Q, Uni<R>> call) {
        ServerServiceDefinition.Builder out = ServerServiceDefinition.builder(service.getServiceDescriptor());
        service.getMethods().stream()
                .filter(m -> !m.getMethodDescriptor().getFullMethodName().equals(method.getFullMethodName()))
                .forEach(out::addMethod);
        return out.addMethod(method, ServerCalls.asyncUnaryCall((Q request, StreamObserver<R> observer) -> call.apply(
                                request)
                        .subscribe()
                        .with(
                                answer -> {
                                    observer.onNext(answer);
                                    observer.onCompleted();
                                },
                                observer::onError)))
                .build();
    }

    /**
     * A service as it runs.
     *
     * @param idle waits until nothing of what it was asked is under way
     */
    private record Running(BindableService service, Runnable idle) {}

    /**
     * A service whose process can die: its server goes with all its connections, and a new one knows nothing. What the old one was
     * doing ends first, as two must not write the same files.
     */
    final class Restartable {
        private final Supplier<Running> service;
        private final int port;
        private Running running;
        private Server server;

        Restartable(Supplier<Running> service) throws IOException {
            this.service = service;
            this.running = service.get();
            this.server = start(0);
            this.port = server.getPort();
            open.add(() -> server.shutdownNow());
        }

        private Server start(int at) throws IOException {
            return ServerBuilder.forPort(at)
                    .addService(running.service())
                    .build()
                    .start();
        }

        int port() {
            return port;
        }

        /** Dies and stays away. */
        void die() throws InterruptedException {
            server.shutdownNow().awaitTermination();
            running.idle().run();
        }

        /** Is there again, on the same port. */
        void begin() throws IOException {
            running = service.get();
            server = start(port);
        }
    }

    private TritonGrpc engine(Path policy) {
        ModelHost host = new ModelHost(policy, new GenerationEngine.Settings(64, 112, 4, true, Precision.EXACT));
        open.add(host);
        return new TritonGrpc(
                () -> host,
                host::alive,
                "policy",
                Optional.empty(),
                roots,
                store.flatMap(ConfiguredStore::store),
                new SimpleMeterRegistry());
    }

    private static io.grpc.BindableService streaming(TritonGrpc triton) {
        return new MutinyGRPCInferenceServiceGrpc.GRPCInferenceServiceImplBase() {
            @Override
            public Multi<ModelStreamInferResponse> modelStreamInfer(Multi<ModelInferRequest> request) {
                return triton.modelStreamInfer(request);
            }
        };
    }

    private int serve(io.grpc.BindableService service) throws IOException {
        Server server = ServerBuilder.forPort(0).addService(service).build().start();
        open.add(server::shutdownNow);
        return server.getPort();
    }

    private ManagedChannel channel(int port) {
        ManagedChannel channel = ManagedChannelBuilder.forAddress("127.0.0.1", port)
                .usePlaintext()
                .build();
        open.add(channel::shutdownNow);
        return channel;
    }

    private static SamplerConfig samplerConfig(int enginePort, Optional<List<String>> frozen) {
        return new SamplerConfig() {
            @Override
            public List<String> endpoints() {
                return List.of("127.0.0.1:" + enginePort);
            }

            @Override
            public Optional<List<String>> frozenEndpoints() {
                return frozen;
            }

            @Override
            public boolean foreignEndpoints() {
                return false;
            }

            @Override
            public String model() {
                return "policy";
            }

            @Override
            public int window() {
                return 64;
            }

            @Override
            public Duration deadline() {
                return Duration.ofMinutes(1);
            }

            @Override
            public int attempts() {
                return 3;
            }

            @Override
            public Duration backoff() {
                return Duration.ofMillis(50);
            }

            @Override
            public Duration probeEvery() {
                return Duration.ofMillis(200);
            }

            @Override
            public Duration patience() {
                return Duration.ofMillis(10000);
            }

            @Override
            public Duration publisherLease() {
                return Duration.ofMinutes(2);
            }

            @Override
            public Optional<String> adminSecret() {
                return Optional.empty();
            }
        };
    }

    @Override
    public void close() {
        for (int i = open.size() - 1; i >= 0; i--) {
            try {
                open.get(i).close();
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
    }
}
