package io.foothold.learner.torch;

import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.learner.train.DjlBackend;
import io.foothold.learner.train.RunSettings;
import io.foothold.learner.train.Schedule;
import io.foothold.learner.train.TensorBackend;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.Lora;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import io.foothold.v1.AccumulateRequest;
import io.foothold.v1.AccumulateResponse;
import io.foothold.v1.ExportRequest;
import io.foothold.v1.ExportResponse;
import io.foothold.v1.GetBackendStatusRequest;
import io.foothold.v1.GetBackendStatusResponse;
import io.foothold.v1.OpenBackendRequest;
import io.foothold.v1.OpenBackendResponse;
import io.foothold.v1.SaveBackendRequest;
import io.foothold.v1.SaveBackendResponse;
import io.foothold.v1.ScoreRequest;
import io.foothold.v1.ScoreResponse;
import io.foothold.v1.SequenceScore;
import io.foothold.v1.StepRequest;
import io.foothold.v1.StepResponse;
import io.foothold.v1.TensorBackendServiceGrpc;
import io.foothold.v1.TensorLoss;
import io.foothold.v1.TensorRow;
import io.foothold.v1.TensorSequence;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.inprocess.InProcessChannelBuilder;
import io.grpc.inprocess.InProcessServerBuilder;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A worker that keeps the contract without Python: the embedded backend behind the service, with ends that a test asks for. */
final class DjlWorker extends TensorBackendServiceGrpc.TensorBackendServiceImplBase implements Ranks {
    private static final AtomicInteger NUMBER = new AtomicInteger();

    /** What happens in a call of Accumulate. */
    enum Trouble {
        NONE,
        DEATH,
        HANG,
        OUT_OF_MEMORY
    }

    private final String name = "djl-worker-" + NUMBER.incrementAndGet();
    private final ExecutorService thread = Executors.newSingleThreadExecutor();
    private final ExecutorService calls = Executors.newCachedThreadPool();
    private final CountDownLatch over = new CountDownLatch(1);
    private final Server server;
    private final ManagedChannel channel = InProcessChannelBuilder.forName(name).build();
    private final int protocol;
    private volatile Trouble trouble;
    private volatile Optional<String> death = Optional.empty();
    private @Nullable TensorBackend backend;
    volatile OpenBackendRequest opened = OpenBackendRequest.getDefaultInstance();
    volatile AccumulateRequest accumulated = AccumulateRequest.getDefaultInstance();

    DjlWorker(Trouble trouble) throws IOException {
        this(trouble, 1);
    }

    DjlWorker(Trouble trouble, int protocol) throws IOException {
        this.trouble = trouble;
        this.protocol = protocol;
        this.server = InProcessServerBuilder.forName(name)
                .executor(calls)
                .addService(this)
                .build()
                .start();
    }

    @Override
    public ManagedChannel channel() {
        return channel;
    }

    @Override
    public Optional<String> death() {
        return death;
    }

    @Override
    public Optional<String> deathSoon() {
        return death;
    }

    /** Serves on a free port of the loopback interface too, for other processes; ended by the caller. */
    Server listen() throws IOException {
        return NettyServerBuilder.forAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .addService(this)
                .build()
                .start();
    }

    boolean ended() {
        return server.isShutdown();
    }

    @Override
    public void close() {
        over.countDown();
        channel.shutdownNow();
        server.shutdownNow();
        thread.execute(() -> {
            if (backend != null) {
                backend.close();
            }
        });
        thread.shutdown();
        calls.shutdown();
    }

    private <T> void answer(StreamObserver<T> observer, Callable<T> work) {
        thread.execute(() -> {
            NativeRuntime.enterThread();
            try {
                observer.onNext(work.call());
                observer.onCompleted();
            } catch (Exception e) {
                observer.onError(
                        Status.INVALID_ARGUMENT.withDescription(e.getMessage()).asRuntimeException());
            }
        });
    }

    private TensorBackend backend() {
        if (backend == null) {
            throw new IllegalStateException("OpenBackend comes first");
        }
        return backend;
    }

    @Override
    public void openBackend(OpenBackendRequest request, StreamObserver<OpenBackendResponse> observer) {
        opened = request;
        answer(observer, () -> {
            Path checkpoint = Path.of(request.getCheckpointDirectory());
            boolean resumed = !request.getCheckpointDirectory().isEmpty();
            long steps = resumed ? Long.parseLong(Files.readString(checkpoint.resolve("steps"))) : 0;
            String base = request.getAdapterDirectory().isEmpty()
                    ? request.getBaseDirectory()
                    : request.getAdapterDirectory();
            backend = DjlBackend.open(
                    Path.of(base), settings(request), resumed ? Optional.of(checkpoint) : Optional.empty(), steps);
            return OpenBackendResponse.newBuilder()
                    .setSteps(steps)
                    .setVocabulary(backend.vocabulary())
                    .setMaxPositions(backend.maxPositions())
                    .build();
        });
    }

    private static RunSettings settings(OpenBackendRequest request) {
        // Of the loss only whether there is a base is read when a backend is opened.
        LossRule rule = new LossRule(
                LossRule.Aggregation.TOKEN_MEAN, LossRule.Ratio.NONE, 0, 0, 0, request.getKeepBase() ? 1 : 0, 0, 0);
        return new RunSettings(
                AdvantageEstimator.named("mean", 0),
                rule,
                new MismatchRule.None(),
                new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1),
                0,
                0,
                0,
                0,
                0,
                1,
                0,
                1,
                (int) request.getMicroBatchTokens(),
                1,
                1,
                0,
                Precision.EXACT,
                request.hasAdapters()
                        ? Optional.of(new Lora(
                                        request.getAdapters().getRank(),
                                        request.getAdapters().getAlpha(),
                                        request.getAdapters().getTargetsList())
                                .embedded())
                        : Optional.empty(),
                request.getSeed(),
                false,
                "");
    }

    private static Trainer.Sequence sequence(TensorSequence s, List<Float> behaviour) {
        return new Trainer.Sequence(
                Ints.toArray(s.getPromptTokenIdsList()),
                Ints.toArray(s.getGivenTokenIdsList()),
                Ints.toArray(s.getSampledTokenIdsList()),
                behaviour.isEmpty() ? new float[s.getSampledTokenIdsCount()] : Floats.toArray(behaviour),
                Ints.toArray(s.getLabelsList()));
    }

    private static SequenceScore score(Trainer.Score s) {
        return SequenceScore.newBuilder()
                .addAllLogProbs(Floats.asList(s.logProbs()))
                .addAllEntropies(Floats.asList(s.entropies()))
                .build();
    }

    @Override
    public void score(ScoreRequest request, StreamObserver<ScoreResponse> observer) {
        answer(observer, () -> {
            List<Trainer.Sequence> sequences = request.getSequencesList().stream()
                    .map(s -> sequence(s, List.of()))
                    .toList();
            ScoreResponse.Builder out = ScoreResponse.newBuilder();
            backend().score(sequences, request.getTemperature()).forEach(s -> out.addScores(score(s)));
            return out.build();
        });
    }

    @Override
    public void accumulate(AccumulateRequest request, StreamObserver<AccumulateResponse> observer) {
        accumulated = request;
        switch (trouble) {
            case NONE -> answer(observer, () -> accumulated(request));
            case DEATH -> death = Optional.of("rank 1 of 2 was ended by signal 9: rank 1: the last words");
            case OUT_OF_MEMORY ->
                observer.onError(Status.RESOURCE_EXHAUSTED
                        .withDescription("rank 0: out of memory: 7 GiB wanted")
                        .asRuntimeException());
            case HANG -> {
                // Never answered.
            }
        }
    }

    private AccumulateResponse accumulated(AccumulateRequest request) {
        TensorLoss l = request.getLoss();
        LossRule.Ratio ratio = LossRule.Ratio.values()[l.getRatio().getNumber() - 1];
        LossRule rule = new LossRule(
                LossRule.Aggregation.TOKEN_MEAN,
                ratio,
                l.getClipLow(),
                l.getClipHigh(),
                l.getDualClip(),
                l.getKlCoefficient(),
                l.getEntropyCoefficient(),
                0,
                l.getShaping());
        List<Trainer.Sequence> sequences = new ArrayList<>();
        List<CreditPlan.Entry> entries = new ArrayList<>();
        for (TensorRow row : request.getRowsList()) {
            Trainer.Sequence s = sequence(row.getSequence(), row.getBehaviourLogProbsList());
            sequences.add(s);
            double weight = row.getWeights(0);
            double[] credits =
                    row.getCreditsList().stream().mapToDouble(c -> c / weight).toArray();
            boolean same = credits.length == 1;
            entries.add(new CreditPlan.Entry(
                    new CreditPlan.Member(
                            s.prompt().length,
                            s.given().length,
                            s.sampled().length,
                            same ? credits[0] : 1,
                            row.getOffPolicy()),
                    weight,
                    same ? new double[0] : credits));
        }
        Trainer.Accumulated sum =
                backend().accumulate(sequences, new CreditPlan(entries), rule, request.getTemperature());
        AccumulateResponse.Builder out = AccumulateResponse.newBuilder().setLoss(sum.loss());
        sum.scores().forEach(s -> out.addScores(score(Objects.requireNonNull(s))));
        return out.build();
    }

    @Override
    public void step(StepRequest r, StreamObserver<StepResponse> observer) {
        answer(observer, () -> {
            TensorBackend.Stepped stepped = backend()
                    .step(new Trainer.AdamW(
                            r.getLearningRate(),
                            r.getBeta1(),
                            r.getBeta2(),
                            r.getEpsilon(),
                            r.getWeightDecay(),
                            r.getClipNorm()));
            return StepResponse.newBuilder()
                    .setGradientNorm(stepped.norm())
                    .setSkipped(!stepped.taken())
                    .setSteps(backend().steps())
                    .build();
        });
    }

    @Override
    public void export(ExportRequest request, StreamObserver<ExportResponse> observer) {
        answer(observer, () -> {
            if (!request.getWeightsFile().isEmpty()) {
                var unused = backend().export(Path.of(request.getWeightsFile()), Disk.REAL);
            }
            if (!request.getAdapterDirectory().isEmpty()) {
                Path all = Files.createTempDirectory("export");
                var saved = backend().save(all, Disk.REAL);
                for (String name : List.of("adapter_model.safetensors", "adapter_config.json")) {
                    Files.copy(
                            all.resolve("adapter").resolve(name),
                            Path.of(request.getAdapterDirectory()).resolve(name));
                }
            }
            return ExportResponse.getDefaultInstance();
        });
    }

    @Override
    public void saveBackend(SaveBackendRequest request, StreamObserver<SaveBackendResponse> observer) {
        answer(observer, () -> {
            Path directory = Path.of(request.getDirectory());
            var saved = backend().save(directory, Disk.REAL);
            for (var file : backend().modelFiles().entrySet()) {
                Disk.REAL.write(directory.resolve(file.getKey()), file.getValue());
            }
            long steps = backend().steps();
            Disk.REAL.write(
                    directory.resolve("steps"),
                    FileContent.of(Long.toString(steps).getBytes(StandardCharsets.UTF_8)));
            return SaveBackendResponse.newBuilder().setSteps(steps).build();
        });
    }

    @Override
    public void getBackendStatus(GetBackendStatusRequest request, StreamObserver<GetBackendStatusResponse> observer) {
        observer.onNext(GetBackendStatusResponse.newBuilder()
                .setProtocol(protocol)
                .setDevice("cpu")
                .setWorldSize(2)
                .build());
        observer.onCompleted();
    }
}
