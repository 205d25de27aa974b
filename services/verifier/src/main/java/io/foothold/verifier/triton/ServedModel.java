package io.foothold.verifier.triton;

import io.foothold.contracts.error.Nearest;
import io.foothold.contracts.triton.Tensors;
import io.foothold.inference.ModelConfig;
import io.foothold.inference.ModelInput;
import io.foothold.inference.ModelMetadataResponse;
import io.foothold.inference.ModelMetadataResponse.TensorMetadata;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * What a server says of a reward model, found to be what a run file says of it.
 *
 * @param ranks dimensions of each input, 1 or 2, by name
 * @param rows most responses of one call
 */
record ServedModel(Map<String, Integer> ranks, int rows) {
    /**
     * Compares both.
     *
     * @throws io.foothold.contracts.error.FootholdException INVALID_INPUT with the tensor and what the server has in its place
     */
    static ServedModel of(RewardModel model, ModelMetadataResponse metadata, ModelConfig config) {
        if (config.getModelTransactionPolicy().getDecoupled()) {
            throw RewardModel.invalid(model
                    + " is decoupled: expected one answer a request (model_transaction_policy { decoupled: false })");
        }
        Map<String, Integer> ranks = new LinkedHashMap<>();
        boolean single = false;
        for (RewardModel.Input input : model.tensors().inputs()) {
            TensorMetadata tensor = tensor(model, "input", input.name(), "BYTES", metadata.getInputsList());
            ranks.put(input.name(), tensor.getShapeCount());
            single |= tensor.getShape(0) == 1;
        }
        tensor(model, "output", model.tensors().output(), "FP32", metadata.getOutputsList());
        for (ModelInput input : config.getInputList()) {
            if (!input.getOptional() && !ranks.containsKey(input.getName())) {
                throw RewardModel.invalid(model + " needs the input '" + input.getName()
                        + "', which no tensor of the run file gives (it gives " + String.join(", ", ranks.keySet())
                        + "; see prompt_tensor, response_tensor, answer_tensor and text_tensor)");
            }
        }
        int rows = config.getMaxBatchSize() > 0 ? config.getMaxBatchSize() : single ? 1 : Integer.MAX_VALUE;
        return new ServedModel(ranks, Math.min(rows, model.calls().maxBatch()));
    }

    private static TensorMetadata tensor(
            RewardModel model, String side, String name, String datatype, List<TensorMetadata> all) {
        TensorMetadata tensor = all.stream()
                .filter(t -> t.getName().equals(name))
                .findFirst()
                .orElseThrow(() -> RewardModel.invalid(model + " has no " + side + " '" + name + "'"
                        + Nearest.hint(
                                name, all.stream().map(TensorMetadata::getName).toList())));
        List<Long> shape = tensor.getShapeList();
        boolean column = shape.size() == 1 || (shape.size() == 2 && (shape.get(1) == 1 || shape.get(1) == -1));
        boolean rows = !shape.isEmpty() && (shape.getFirst() == -1 || shape.getFirst() == 1);
        if (!tensor.getDatatype().equals(datatype) || !column || !rows) {
            throw RewardModel.invalid(model + ": its " + side + " '" + name + "' is " + tensor.getDatatype() + " "
                    + Tensors.shape(shape) + " (expected " + datatype + " [-1,1], or [-1], for n responses)");
        }
        return tensor;
    }

    /** Shape of an input of so many responses. */
    List<Long> shape(String input, long count) {
        return ranks.getOrDefault(input, 1) == 1 ? List.of(count) : List.of(count, 1L);
    }

    /** In words. */
    String told(RewardModel model) {
        return "takes " + ranks.keySet().stream().map(n -> n + " BYTES").collect(Collectors.joining(", ")) + ", gives "
                + model.tensors().output() + " FP32, " + rows + " responses a call";
    }
}
