package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.policy.ComputeDevice;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.Lora;
import io.foothold.policy.LoraAdapter;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The embedded backend: the transformer that the policy server samples with too, in this process. Resumes to the bit. Whoever calls it
 * need not know that there is a native library: it is started when a policy is opened, and not in processes that open none.
 */
public final class DjlBackend implements TensorBackend {
    private static final String WEIGHTS = "model.safetensors";
    private static final String MOMENTS = "moments.safetensors";
    /** A directory in PEFT's format, beside the merged weights. */
    private static final String ADAPTER = "adapter";

    private final PolicyDirectory base;
    private final Trainer trainer;

    private DjlBackend(PolicyDirectory base, Trainer trainer) {
        this.base = base;
        this.trainer = trainer;
    }

    /** Opens a policy in host memory; see {@link Opener}. The calling thread then owns the backend. */
    public static DjlBackend open(Path basePolicy, RunSettings settings, Optional<Path> checkpoint, long steps) {
        return open(ComputeDevice.CPU, basePolicy, settings, checkpoint, steps);
    }

    /**
     * Opens policies on a device.
     *
     * @param device where weights, gradients and moments lie
     */
    public static Opener opener(ComputeDevice device) {
        return (basePolicy, settings, checkpoint, steps) -> open(device, basePolicy, settings, checkpoint, steps);
    }

    private static DjlBackend open(
            ComputeDevice device, Path basePolicy, RunSettings settings, Optional<Path> checkpoint, long steps) {
        NativeRuntime.enterThread();
        device.require("learner.djl.device");
        PolicyDirectory base = PolicyDirectory.open(basePolicy);
        LoraAdapter adapter = settings.lora()
                .map(lora -> checkpoint
                        .map(c -> LoraAdapter.read(base.config(), c.resolve(ADAPTER)))
                        .orElseGet(() -> first(base, lora, settings.seed())))
                .orElse(null);
        Trainer trainer = begin(device, base, settings, checkpoint, adapter);
        try {
            if (settings.loss().klCoefficient() > 0) {
                try (PolicyWeights reference = base.weights()) {
                    trainer.setBase(reference);
                }
            }
            checkpoint.ifPresent(c -> trainer.restore(c.resolve(MOMENTS), steps));
            return new DjlBackend(base, trainer);
        } catch (RuntimeException | Error e) {
            trainer.close();
            throw e;
        }
    }

    /** Adapters stand on the base, whatever they have become; trained weights are the checkpoint's. */
    private static Trainer begin(
            ComputeDevice device,
            PolicyDirectory base,
            RunSettings settings,
            Optional<Path> checkpoint,
            @Nullable LoraAdapter adapter) {
        try (PolicyWeights weights = adapter == null && checkpoint.isPresent()
                ? PolicyDirectory.open(checkpoint.get()).weights()
                : adapter == null ? base.weights() : base.baseWeights()) {
            return new Trainer(
                    weights,
                    settings.steps().microBatchTokens(),
                    settings.computation().precision(),
                    adapter,
                    device);
        }
    }

    /** The base policy's own adapters, or fresh ones. */
    private static LoraAdapter first(PolicyDirectory base, Lora lora, long seed) {
        Optional<LoraAdapter> own = base.adapter();
        if (own.isPresent() && !own.get().lora().equals(lora)) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "the base policy " + base.path() + " has adapters of another form: "
                            + own.get().lora() + ", the run file asks for " + lora);
        }
        return own.orElseGet(() -> LoraAdapter.fresh(base.config(), lora, seed));
    }

    @Override
    public int vocabulary() {
        return base.config().vocabulary();
    }

    @Override
    public int maxPositions() {
        return base.config().maxPositions();
    }

    @Override
    public List<Integer> endTokens() {
        return base.config().endTokens();
    }

    @Override
    public long steps() {
        return trainer.steps();
    }

    @Override
    public boolean alive() {
        return true;
    }

    @Override
    public List<Trainer.Score> score(List<Trainer.Sequence> sequences, double temperature) {
        NativeRuntime.enterThread();
        return trainer.score(sequences, temperature);
    }

    @Override
    public Trainer.Accumulated accumulate(
            List<Trainer.Sequence> sequences, CreditPlan plan, LossRule rule, double temperature) {
        NativeRuntime.enterThread();
        return trainer.accumulate(sequences, plan, rule, temperature);
    }

    @Override
    public Stepped step(Trainer.AdamW settings) {
        NativeRuntime.enterThread();
        return new Stepped(trainer.step(settings), true);
    }

    @Override
    public Map<String, FileContent> modelFiles() {
        Map<String, FileContent> out =
                new LinkedHashMap<>(PolicyDirectory.description(base.config(), base.tokenizerJson()));
        out.putAll(base.tokenizerFiles());
        return out;
    }

    @Override
    public String export(Path file, Disk disk) throws IOException {
        NativeRuntime.enterThread();
        return disk.write(file, trainer.weightsInPlace().content());
    }

    @Override
    public boolean exportAdapter(Path directory, Disk disk) throws IOException {
        NativeRuntime.enterThread();
        Optional<LoraAdapter> adapter = trainer.adapter();
        if (adapter.isEmpty()) {
            return false;
        }
        for (var file : adapter.get().files(base.base()).entrySet()) {
            disk.write(directory.resolve(file.getKey()), file.getValue());
        }
        return true;
    }

    @Override
    public Map<String, String> save(Path directory, Disk disk) throws IOException {
        NativeRuntime.enterThread();
        Map<String, FileContent> files = new LinkedHashMap<>();
        files.put(WEIGHTS, trainer.weightsInPlace().content());
        files.put(MOMENTS, trainer.moments());
        trainer.adapter().ifPresent(a -> a.files(base.base())
                .forEach((name, content) -> files.put(ADAPTER + "/" + name, content)));
        return CheckpointStore.written(directory, files, disk);
    }

    @Override
    public void close() {
        trainer.close();
    }
}
