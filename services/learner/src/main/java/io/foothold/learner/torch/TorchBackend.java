package io.foothold.learner.torch;

import com.google.common.primitives.Floats;
import com.google.common.primitives.Ints;
import com.google.common.util.concurrent.ListenableFuture;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.learner.train.RunSettings;
import io.foothold.learner.train.TensorBackend;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.Sha256;
import io.foothold.policy.Trainer;
import io.foothold.v1.AccumulateRequest;
import io.foothold.v1.AccumulateResponse;
import io.foothold.v1.AdapterSettings;
import io.foothold.v1.ExportRequest;
import io.foothold.v1.GetBackendStatusRequest;
import io.foothold.v1.GetBackendStatusResponse;
import io.foothold.v1.OpenBackendRequest;
import io.foothold.v1.OpenBackendResponse;
import io.foothold.v1.SaveBackendRequest;
import io.foothold.v1.ScoreRequest;
import io.foothold.v1.SequenceScore;
import io.foothold.v1.StepRequest;
import io.foothold.v1.StepResponse;
import io.foothold.v1.TensorBackendServiceGrpc;
import io.foothold.v1.TensorLoss;
import io.foothold.v1.TensorRatio;
import io.foothold.v1.TensorRow;
import io.foothold.v1.TensorSequence;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * A backend behind the {@code TensorBackend} service: a torch worker whose ranks this process watches. A rank that ends or hangs makes the
 * call under way fail with {@link ErrorCode#WRONG_STATE}, which says that the run is not open any more: opened again, it begins at its
 * last checkpoint with new ranks.
 */
public final class TorchBackend implements TensorBackend {
    private static final Logger LOG = Logger.getLogger(TorchBackend.class);
    private static final int PROTOCOL = 1;
    private static final String WEIGHTS = "model.safetensors";
    private static final String ADAPTER = "adapter";
    /** What only the worker reads, below a checkpoint. */
    private static final String OWN = "backend";
    /** Tokens of the rows of one call; with log-probs and scores some twenty bytes each. */
    private static final int TOKENS_A_CALL = 1 << 20;

    private static final Duration LOOK = Duration.ofMillis(200);
    private static final Duration ASK = Duration.ofSeconds(2);
    private static final Duration ANSWER = Duration.ofSeconds(10);
    static final Duration HANG = Duration.ofMinutes(10);

    private final Ranks ranks;
    private final Duration hang;
    private final Path model;
    private final boolean adapters;
    private final TensorBackendServiceGrpc.TensorBackendServiceFutureStub worker;
    private OpenBackendResponse shape = OpenBackendResponse.getDefaultInstance();
    private long steps;
    private boolean alive = true;
    private boolean closed;

    private TorchBackend(Ranks ranks, Duration hang, Path model, boolean adapters) {
        this.ranks = ranks;
        this.hang = hang;
        this.model = model;
        this.adapters = adapters;
        this.worker = TensorBackendServiceGrpc.newFutureStub(ranks.channel());
    }

    /** Opens runs with ranks of this host. */
    public static Opener opener(Path packages, TorchOptions options) {
        return (base, settings, checkpoint, steps) -> open(
                TorchProcesses.start(TorchEnvironment.find(packages), options),
                HANG,
                options,
                base,
                settings,
                checkpoint,
                steps);
    }

    /** Opens a run with these ranks, which end with the backend, also when it cannot be opened. */
    static TorchBackend open(
            Ranks ranks,
            Duration hang,
            TorchOptions options,
            Path base,
            RunSettings settings,
            Optional<Path> checkpoint,
            long steps) {
        TorchBackend backend = null;
        try {
            Optional<Path> adapted = PolicyDirectory.adaptedBase(base);
            Path model = adapted.orElse(base).toAbsolutePath().normalize();
            backend = new TorchBackend(ranks, hang, model, settings.lora().isPresent());
            backend.open(options, adapted.map(b -> base), settings, checkpoint, steps);
            return backend;
        } catch (RuntimeException | Error e) {
            if (backend == null) {
                ranks.close();
            } else {
                backend.close();
            }
            throw e;
        }
    }

    private void open(
            TorchOptions options,
            Optional<Path> startAdapters,
            RunSettings settings,
            Optional<Path> checkpoint,
            long stepsThen) {
        GetBackendStatusResponse status =
                call("GetBackendStatus", worker.getBackendStatus(GetBackendStatusRequest.getDefaultInstance()));
        if (status.getProtocol() != PROTOCOL) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "the torch worker speaks version " + status.getProtocol()
                            + " of the contract, this learner version " + PROTOCOL);
        }
        OpenBackendRequest.Builder request = OpenBackendRequest.newBuilder()
                .setBaseDirectory(model.toString())
                .setCheckpointDirectory(
                        checkpoint.map(c -> absolute(c.resolve(OWN))).orElse(""))
                .setAdapterDirectory(startAdapters.map(TorchBackend::absolute).orElse(""))
                .setSeed(settings.seed())
                .setComputeDtype(options.dtypeOn(status.getDevice()))
                .setActivationCheckpointing(options.checkpointing())
                .setAttention(options.attention())
                .setCompile(options.compile())
                .setMicroBatchTokens(settings.microBatchTokens())
                .setKeepBase(settings.loss().klCoefficient() > 0);
        settings.lora()
                .ifPresent(lora -> request.setAdapters(AdapterSettings.newBuilder()
                        .setRank(lora.rank())
                        .setAlpha(lora.alpha())
                        .addAllTargets(lora.targets())
                        .setRankStabilised(lora.rankStabilised())));
        shape = call("OpenBackend", worker.openBackend(request.build()));
        steps = shape.getSteps();
        if (steps != stepsThen) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "the checkpoint " + checkpoint.map(Path::toString).orElse("") + " is of " + stepsThen
                            + " optimizer steps, the torch worker's part of it of " + steps);
        }
        LOG.infof(
                "torch %s, transformers %s: %d processes on %s, %s, %d parameters of which %d are trained",
                status.getTorchVersion(),
                status.getTransformersVersion(),
                status.getWorldSize(),
                status.getDevice(),
                request.getComputeDtype(),
                shape.getParameters(),
                shape.getTrainedParameters());
    }

    private static String absolute(Path path) {
        return path.toAbsolutePath().normalize().toString();
    }

    @Override
    public int vocabulary() {
        return shape.getVocabulary();
    }

    @Override
    public int maxPositions() {
        return shape.getMaxPositions();
    }

    @Override
    public List<Integer> endTokens() {
        return ModelConfig.endTokens(model, vocabulary());
    }

    @Override
    public long steps() {
        return steps;
    }

    @Override
    public boolean alive() {
        return alive && ranks.death().isEmpty();
    }

    @Override
    public List<Trainer.Score> score(List<Trainer.Sequence> sequences, double temperature) {
        List<Trainer.Score> out = new ArrayList<>();
        for (List<Integer> part : parts(sequences)) {
            ScoreRequest.Builder request = ScoreRequest.newBuilder().setTemperature(temperature);
            part.forEach(i -> request.addSequences(sequence(sequences.get(i))));
            call("Score", worker.score(request.build())).getScoresList().forEach(s -> out.add(score(s)));
        }
        return out;
    }

    @Override
    public Trainer.Accumulated accumulate(
            List<Trainer.Sequence> sequences, CreditPlan plan, LossRule rule, double temperature) {
        boolean regularised = rule.klCoefficient() > 0 || rule.entropyCoefficient() > 0;
        List<Integer> use = new ArrayList<>();
        for (int i = 0; i < sequences.size(); i++) {
            if (sequences.get(i).sampled().length > 0
                    && (regularised || plan.rollouts().get(i).hasSignal())) {
                use.add(i);
            }
        }
        Trainer.@Nullable Score[] scores = new Trainer.@Nullable Score[sequences.size()];
        double loss = 0;
        for (List<Integer> part : parts(use.stream().map(sequences::get).toList())) {
            AccumulateRequest.Builder request =
                    AccumulateRequest.newBuilder().setLoss(loss(rule)).setTemperature(temperature);
            part.forEach(i -> request.addRows(
                    row(sequences.get(use.get(i)), plan.rollouts().get(use.get(i)), rule)));
            AccumulateResponse response = call("Accumulate", worker.accumulate(request.build()));
            loss += response.getLoss();
            for (int i = 0; i < part.size(); i++) {
                scores[use.get(part.get(i))] = score(response.getScores(i));
            }
        }
        return new Trainer.Accumulated(loss, Arrays.asList(scores));
    }

    /** Places of the sequences in the calls that they go in, in order. */
    private static List<List<Integer>> parts(List<Trainer.Sequence> sequences) {
        List<List<Integer>> out = new ArrayList<>();
        long tokens = TOKENS_A_CALL;
        for (int i = 0; i < sequences.size(); i++) {
            int more = sequences.get(i).length();
            if (tokens + more > TOKENS_A_CALL) {
                out.add(new ArrayList<>());
                tokens = 0;
            }
            out.getLast().add(i);
            tokens += more;
        }
        return out;
    }

    private static TensorSequence.Builder sequence(Trainer.Sequence s) {
        return TensorSequence.newBuilder()
                .addAllPromptTokenIds(Ints.asList(s.prompt()))
                .addAllGivenTokenIds(Ints.asList(s.given()))
                .addAllSampledTokenIds(Ints.asList(s.sampled()))
                .addAllLabels(Ints.asList(s.labels()));
    }

    private static TensorRow row(Trainer.Sequence sequence, CreditPlan.Entry entry, LossRule rule) {
        TensorRow.Builder out = TensorRow.newBuilder()
                .setSequence(sequence(sequence))
                .addAllCredits(credits(entry))
                .addWeights((float) entry.weight())
                .setOffPolicy(entry.member().offPolicy());
        if (rule.ratio() != LossRule.Ratio.NONE && !entry.member().offPolicy()) {
            out.addAllBehaviourLogProbs(Floats.asList(sequence.behaviour()));
        }
        return out.build();
    }

    /** One for all targets where nothing corrects them. */
    private static List<Float> credits(CreditPlan.Entry entry) {
        return IntStream.range(0, Math.max(1, entry.corrections().length))
                .mapToObj(t -> (float) entry.credit(t))
                .toList();
    }

    private static TensorLoss loss(LossRule rule) {
        return TensorLoss.newBuilder()
                .setRatio(
                        switch (rule.ratio()) {
                            case NONE -> TensorRatio.TENSOR_RATIO_NONE;
                            case TOKEN -> TensorRatio.TENSOR_RATIO_TOKEN;
                            case SEQUENCE -> TensorRatio.TENSOR_RATIO_SEQUENCE;
                        })
                .setClipLow(rule.clipLow())
                .setClipHigh(rule.clipHigh())
                .setDualClip(rule.dualClip())
                .setKlCoefficient(rule.klCoefficient())
                .setEntropyCoefficient(rule.entropyCoefficient())
                .setShaping(rule.shaping())
                .build();
    }

    private static Trainer.Score score(SequenceScore s) {
        return new Trainer.Score(Floats.toArray(s.getLogProbsList()), Floats.toArray(s.getEntropiesList()));
    }

    @Override
    public Stepped step(Trainer.AdamW settings) {
        StepResponse response = call(
                "Step",
                worker.step(StepRequest.newBuilder()
                        .setLearningRate(settings.learningRate())
                        .setBeta1(settings.beta1())
                        .setBeta2(settings.beta2())
                        .setEpsilon(settings.epsilon())
                        .setWeightDecay(settings.weightDecay())
                        .setClipNorm(settings.clipNorm())
                        .build()));
        steps = response.getSteps();
        return new Stepped(response.getGradientNorm(), !response.getSkipped());
    }

    @Override
    public Map<String, FileContent> modelFiles() {
        Map<String, FileContent> out = new LinkedHashMap<>();
        for (String name : List.of("config.json", "generation_config.json", "tokenizer.json", "tokenizer.model")) {
            Path file = model.resolve(name);
            if (Files.exists(file)) {
                out.put(name, FileContent.of(file));
            }
        }
        out.putAll(PolicyDirectory.tokenizerFiles(model));
        return out;
    }

    @Override
    public String export(Path file, Disk disk) throws IOException {
        var unused = call(
                "Export",
                worker.export(ExportRequest.newBuilder()
                        .setWeightsFile(absolute(file))
                        .setDtype("float32")
                        .build()));
        return Sha256.of(file);
    }

    @Override
    public boolean exportAdapter(Path directory, Disk disk) throws IOException {
        if (adapters) {
            var unused = call(
                    "Export",
                    worker.export(ExportRequest.newBuilder()
                            .setAdapterDirectory(absolute(directory))
                            .build()));
        }
        return adapters;
    }

    @Override
    public Map<String, String> save(Path directory, Disk disk) throws IOException {
        ExportRequest.Builder export = ExportRequest.newBuilder()
                .setWeightsFile(absolute(directory.resolve(WEIGHTS)))
                .setDtype("float32");
        if (adapters) {
            disk.createDirectories(directory.resolve(ADAPTER));
            export.setAdapterDirectory(absolute(directory.resolve(ADAPTER)));
        }
        var exported = call("Export", worker.export(export.build()));
        Path own = directory.resolve(OWN);
        disk.createDirectories(own);
        var saved = call(
                "SaveBackend",
                worker.saveBackend(SaveBackendRequest.newBuilder()
                        .setDirectory(absolute(own))
                        .build()));
        LOG.debugf("checkpoint of %d steps, %d bytes of weights", saved.getSteps(), exported.getBytes());
        Map<String, String> out = new TreeMap<>();
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                String name = directory.relativize(file).toString();
                if (name.equals(WEIGHTS) || name.startsWith(ADAPTER + "/") || name.startsWith(OWN + "/")) {
                    out.put(name, Sha256.of(file));
                }
            }
        }
        return out;
    }

    /** Waits for an answer, as long as the ranks live and get on. */
    private <T> T call(String name, ListenableFuture<T> answer) {
        long progress = -1;
        long movedAt = System.nanoTime();
        long askAt = movedAt + ASK.toNanos();
        while (true) {
            try {
                return answer.get(LOOK.toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                Optional<String> death = ranks.death();
                if (death.isPresent()) {
                    throw lost(name, ranks.deathSoon().orElse(death.get()), answer);
                }
                long now = System.nanoTime();
                if (now > askAt) {
                    long seen = progress();
                    movedAt = seen == progress ? movedAt : now;
                    progress = seen;
                    askAt = now + ASK.toNanos();
                }
                if (now - movedAt > hang.toNanos()) {
                    throw lost(name, "no progress for " + hang.toSeconds() + " s: a rank hangs", answer);
                }
            } catch (ExecutionException e) {
                throw failure(name, e, answer);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw lost(name, "the learner is shutting down", answer);
            }
        }
    }

    /** How far the worker says that it has come; −1 when it does not say. */
    private long progress() {
        try {
            return TensorBackendServiceGrpc.newBlockingStub(ranks.channel())
                    .withDeadlineAfter(ANSWER.toMillis(), TimeUnit.MILLISECONDS)
                    .getBackendStatus(GetBackendStatusRequest.getDefaultInstance())
                    .getProgress();
        } catch (StatusRuntimeException e) {
            return -1;
        }
    }

    private FootholdException failure(String name, ExecutionException e, ListenableFuture<?> answer) {
        if (e.getCause() instanceof StatusRuntimeException status) {
            String text = status.getStatus().getDescription();
            if (status.getStatus().getCode() == Status.Code.INVALID_ARGUMENT) {
                return new FootholdException(ErrorCode.INVALID_DATA, text, e);
            }
            String told = text == null ? status.getStatus().getCode().name() : text;
            // A rank that is gone says nothing itself; its peers say that they miss it.
            boolean connection = status.getStatus().getCode() != Status.Code.RESOURCE_EXHAUSTED;
            return lost(name, (connection ? ranks.deathSoon() : Optional.<String>empty()).orElse(told), answer);
        }
        return lost(name, String.valueOf(e.getCause()), answer);
    }

    private FootholdException lost(String name, String why, ListenableFuture<?> answer) {
        answer.cancel(true);
        close();
        return new FootholdException(ErrorCode.WRONG_STATE, "the torch backend was lost in " + name + ": " + why);
    }

    @Override
    public void close() {
        alive = false;
        if (!closed) {
            closed = true;
            ranks.close();
        }
    }
}
