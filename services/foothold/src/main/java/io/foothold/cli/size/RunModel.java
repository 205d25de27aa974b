package io.foothold.cli.size;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.settings.OptimizerSettings;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.Lora;
import io.foothold.policy.ModelSize;
import java.nio.file.Path;
import java.util.Optional;

/** The model of a run, which has to suit who learns and who samples. */
public final class RunModel {
    private RunModel() {}

    /**
     * Opens a model that is trained or evaluated.
     *
     * @param path its directory
     * @param torch whether the torch worker learns, or publishes what is evaluated
     * @param inference who samples
     * @throws FootholdException INVALID_INPUT for a family that the embedded transformer would have to learn or to sample, and does not know
     */
    public static CausalModel open(Path path, boolean torch, Inference inference) {
        if (torch && inference.elsewhere()) {
            return CausalModel.openForTorch(path);
        }
        CausalModel model = CausalModel.open(path);
        if (model.size().torchOnly() && !torch) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "policy.base: " + path + " is a " + model.size().architecture()
                            + ", which learner.backend djl does not compute (expected auto or torch)");
        }
        if (model.size().torchOnly() && !inference.elsewhere()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "policy.base: " + model.path() + " is a " + model.size().architecture()
                            + ", which our own engine does not sample: name a tritonserver that does with --inference HOST:PORT. "
                            + "Its engine can be vllm, or transformers (any family, float32, slow). This one would be "
                            + "--inference 127.0.0.1:9211: ./foothold triton start --engine transformers --policy "
                            + model.path());
        }
        return model;
    }

    /**
     * The adapters that the run trains, checked before anything starts: targets of a family that djl does not know are the torch
     * worker's matter.
     */
    public static Optional<Lora> lora(RunFile plan, ModelSize model) {
        OptimizerSettings.Lora asked = plan.settings().optimizer().lora();
        if (!asked.trained()) {
            return Optional.empty();
        }
        Lora lora = new Lora(asked.rank(), asked.scale(), asked.targets());
        return Optional.of(model.torchOnly() ? lora : lora.embedded());
    }
}
