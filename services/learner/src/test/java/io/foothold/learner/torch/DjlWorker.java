package io.foothold.learner.torch;

import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.core.loss.Objective;
import io.foothold.core.loss.PolicyGradient;
import io.foothold.core.loss.PolicyLoss;
import io.foothold.core.loss.Tokens;
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
import io.foothold.v1.BackwardRequest;
import io.foothold.v1.BackwardResponse;
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
import java.util.Comparator;
import java.util.List;
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
    volatile BackwardRequest slopes = BackwardRequest.getDefaultInstance();

    DjlWorker(Trouble trouble) throws IOException {
        this(trouble, 2);
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
                LossRule.Aggregation.TOKEN_MEAN, 1, new PolicyGradient(), request.getKeepBase() ? 1 : 0, 0, 0);
        return new RunSettings(
                new RunSettings.Learning(AdvantageEstimator.named("mean", 0), rule, new MismatchRule.None(), 1, false),
                new RunSettings.Optimizer(new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1), 0, 0, 0, 0, 0),
                new RunSettings.Steps(0, 1, (int) request.getMicroBatchTokens()),
                new RunSettings.Checkpoints(1, 1),
                new RunSettings.Computation(Precision.EXACT, 0),
                request.hasAdapters()
                        ? Optional.of(new Lora(
                                        request.getAdapters().getRank(),
                                        request.getAdapters().getAlpha(),
                                        request.getAdapters().getTargetsList())
                                .embedded())
                        : Optional.empty(),
                request.getSeed(),
                "");
    }

    private static Trainer.Sequence sequence(TensorSequence s) {
        return new Trainer.Sequence(
                Ints.toArray(s.getPromptTokenIdsList()),
                Ints.toArray(s.getGivenTokenIdsList()),
                Ints.toArray(s.getSampledTokenIdsList()),
                new float[s.getSampledTokenIdsCount()],
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
            List<Trainer.Sequence> sequences =
                    request.getSequencesList().stream().map(DjlWorker::sequence).toList();
            ScoreResponse.Builder out = ScoreResponse.newBuilder();
            backend().score(sequences, request.getTemperature()).forEach(s -> out.addScores(score(s)));
            return out.build();
        });
    }

    @Override
    public void accumulate(AccumulateRequest request, StreamObserver<AccumulateResponse> observer) {
        accumulated = request;
        switch (trouble) {
            case NONE ->
                answer(observer, () -> AccumulateResponse.newBuilder()
                        .addAllRows(forward(request))
                        .build());
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

    /**
     * Passes everything forward at once: the embedded backend asks for slopes inside of its own call, so the scores are told first, and the
     * call is made when the slopes are there.
     */
    private List<TensorRow> forward(AccumulateRequest request) {
        List<Trainer.Sequence> sequences =
                request.getSequencesList().stream().map(DjlWorker::sequence).toList();
        List<Trainer.Score> scores = backend().score(sequences, request.getTemperature());
        List<Trainer.Score> base = request.getBase() ? based(sequences, request.getTemperature()) : List.of();
        List<TensorRow> out = new ArrayList<>();
        for (int i = 0; i < sequences.size(); i++) {
            TensorRow.Builder one = TensorRow.newBuilder().setIndex(i).setScore(score(scores.get(i)));
            if (request.getBase()) {
                one.addAllBaseLogProbs(Floats.asList(base.get(i).logProbs()));
            }
            out.add(one.build());
        }
        return out;
    }

    /** Log-probs of the base: a policy that is opened where this one began. */
    private List<Trainer.Score> based(List<Trainer.Sequence> sequences, double temperature) {
        try (TensorBackend base = DjlBackend.open(Path.of(based()), settings(opened), Optional.empty(), 0)) {
            return base.score(sequences, temperature);
        }
    }

    private String based() {
        return opened.getAdapterDirectory().isEmpty() ? opened.getBaseDirectory() : opened.getAdapterDirectory();
    }

    /** What it was told as the loss of the rows whose numbers from 1 are their advantages. */
    private record Told(List<TensorLoss> slopes) implements PolicyLoss {
        @Override
        public Objective of(Tokens tokens) {
            TensorLoss own = slopes.get((int) tokens.advantage() - 1);
            Objective out = new Objective(tokens.count());
            for (int t = 0; t < tokens.count(); t++) {
                out.addSlope(t, -own.getByLogProb(t));
            }
            return out;
        }

        @Override
        public boolean hasRatio() {
            return false;
        }
    }

    @Override
    public void backward(BackwardRequest request, StreamObserver<BackwardResponse> observer) {
        slopes = request;
        answer(observer, () -> {
            List<Trainer.Sequence> sequences = accumulated.getSequencesList().stream()
                    .map(DjlWorker::sequence)
                    .toList();
            List<TensorLoss> told = request.getRowsList().stream()
                    .sorted(Comparator.comparingInt(TensorLoss::getIndex))
                    .toList();
            boolean entropies = told.stream().anyMatch(s -> s.getByEntropyCount() > 0);
            List<CreditPlan.Entry> entries = new ArrayList<>();
            for (int i = 0; i < sequences.size(); i++) {
                Trainer.Sequence s = sequences.get(i);
                entries.add(new CreditPlan.Entry(
                        new CreditPlan.Member(s.prompt().length, s.given().length, s.sampled().length, i + 1),
                        entropies ? -told.get(i).getByEntropy(0) : 1));
            }
            LossRule rule = new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new Told(told), 0, entropies ? 1 : 0, 0);
            var unused = backend().accumulate(sequences, new CreditPlan(entries), rule, accumulated.getTemperature());
            return BackwardResponse.getDefaultInstance();
        });
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
