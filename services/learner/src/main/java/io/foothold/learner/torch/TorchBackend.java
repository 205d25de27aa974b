package io.foothold.learner.torch;

import com.google.common.primitives.Floats;
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
import io.foothold.policy.PolicyException;
import io.foothold.policy.Sha256;
import io.foothold.policy.Trainer;
import io.foothold.v1.AccumulateRequest;
import io.foothold.v1.AdapterSettings;
import io.foothold.v1.BackwardRequest;
import io.foothold.v1.ExportRequest;
import io.foothold.v1.GetBackendStatusRequest;
import io.foothold.v1.GetBackendStatusResponse;
import io.foothold.v1.OpenBackendRequest;
import io.foothold.v1.OpenBackendResponse;
import io.foothold.v1.SaveBackendRequest;
import io.foothold.v1.ScoreRequest;
import io.foothold.v1.StepRequest;
import io.foothold.v1.StepResponse;
import io.foothold.v1.TensorBackendServiceGrpc;
import io.foothold.v1.TensorRow;
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
    private static final int PROTOCOL = 2;
    private static final String WEIGHTS = "model.safetensors";
    private static final String ADAPTER = "adapter";
    /** What only the worker reads, below a checkpoint. */
    private static final String OWN = "backend";
    /** Tokens of the rows of one call; with log-probs and scores some twenty bytes each. */
    private static final int TOKENS_A_CALL = 1 << 20;

    static final Duration HANG = Duration.ofMinutes(10);

    private final Ranks ranks;
    private final WatchedCalls calls;
    private final Path model;
    private final boolean adapters;
    private final TensorBackendServiceGrpc.TensorBackendServiceFutureStub worker;
    private OpenBackendResponse shape = OpenBackendResponse.getDefaultInstance();
    private long steps;
    private boolean alive = true;
    private boolean closed;

    private TorchBackend(Ranks ranks, Duration hang, Path model, boolean adapters) {
        this.ranks = ranks;
        this.calls = new WatchedCalls(ranks, hang, this::close);
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
                calls.of("GetBackendStatus", worker.getBackendStatus(GetBackendStatusRequest.getDefaultInstance()));
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
                .setMicroBatchTokens(settings.steps().microBatchTokens())
                .setKeepBase(settings.loss().klCoefficient() > 0);
        settings.lora()
                .ifPresent(lora -> request.setAdapters(AdapterSettings.newBuilder()
                        .setRank(lora.rank())
                        .setAlpha(lora.alpha())
                        .addAllTargets(lora.targets())
                        .setRankStabilised(lora.rankStabilised())));
        shape = calls.of("OpenBackend", worker.openBackend(request.build()));
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
            part.forEach(i -> request.addSequences(TensorMessages.sequence(sequences.get(i))));
            calls.of("Score", worker.score(request.build()))
                    .getScoresList()
                    .forEach(s -> out.add(TensorMessages.score(s)));
        }
        return out;
    }

    @Override
    public Trainer.Accumulated accumulate(
            List<Trainer.Sequence> sequences, CreditPlan plan, LossRule rule, double temperature) {
        List<Integer> use = new ArrayList<>();
        for (int i = 0; i < sequences.size(); i++) {
            if (sequences.get(i).sampled().length > 0
                    && (rule.isRegularised() || plan.rollouts().get(i).hasSignal())) {
                use.add(i);
            }
        }
        Trainer.@Nullable Score[] scores = new Trainer.@Nullable Score[sequences.size()];
        double loss = 0;
        for (List<Integer> part : parts(use.stream().map(sequences::get).toList())) {
            List<Integer> rows = part.stream().map(use::get).toList();
            AccumulateRequest.Builder request =
                    AccumulateRequest.newBuilder().setTemperature(temperature).setBase(rule.klCoefficient() > 0);
            rows.forEach(i -> request.addSequences(TensorMessages.sequence(sequences.get(i))));
            List<TensorRow> forward =
                    calls.of("Accumulate", worker.accumulate(request.build())).getRowsList();
            while (!forward.isEmpty()) {
                BackwardRequest.Builder back = BackwardRequest.newBuilder();
                for (TensorRow one : forward) {
                    int row = rows.get(one.getIndex());
                    Trainer.Score score = TensorMessages.score(one.getScore());
                    scores[row] = score;
                    LossRule.Result result = score.under(
                            rule,
                            plan.rollouts().get(row),
                            sequences.get(row).behaviour(),
                            one.getBaseLogProbsCount() == 0
                                    ? null
                                    : new Trainer.Score(Floats.toArray(one.getBaseLogProbsList()), new float[0]));
                    loss += result.value();
                    back.addRows(TensorMessages.slopes(one.getIndex(), result, rule));
                }
                if (!Float.isFinite((float) loss)) {
                    close();
                    throw new PolicyException("the loss is " + (float) loss);
                }
                forward = calls.of("Backward", worker.backward(back.build())).getRowsList();
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

    @Override
    public Stepped step(Trainer.AdamW settings) {
        StepResponse response = calls.of(
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
        var unused = calls.of(
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
            var unused = calls.of(
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
        var exported = calls.of("Export", worker.export(export.build()));
        Path own = directory.resolve(OWN);
        disk.createDirectories(own);
        var saved = calls.of(
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

    @Override
    public void close() {
        alive = false;
        if (!closed) {
            closed = true;
            ranks.close();
        }
    }
}
