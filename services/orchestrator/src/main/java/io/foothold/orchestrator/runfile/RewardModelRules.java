package io.foothold.orchestrator.runfile;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.ServerAddress;
import io.foothold.core.settings.RewardModelSettings;
import io.foothold.core.settings.RewardModelSettings.Scale;
import io.foothold.core.settings.RewardModelSettings.Tensors;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** What settings of one reward model must be together. */
final class RewardModelRules {
    private final String at;
    private final RewardModelSettings model;
    private final UnaryOperator<String> place;

    /**
     * Rules over settings.
     *
     * @param at what its keys begin with
     * @param place where a key was given, as a message begins
     */
    RewardModelRules(String at, RewardModelSettings model, UnaryOperator<String> place) {
        this.at = at;
        this.model = model;
        this.place = place;
    }

    /**
     * Checks all of them.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for the first that does not hold
     */
    void check() {
        if (!model.given()) {
            if (!model.model().isEmpty()) {
                throw refused("model", "is not used without '" + at + "server'");
            }
            return;
        }
        try {
            var unused = ServerAddress.of(model.server());
        } catch (FootholdException e) {
            throw refused("server", "must be " + ServerAddress.EXPECTED + ", got: " + e.text());
        }
        if (model.model().isBlank()) {
            throw refused("server", "needs '" + at + "model', the reward model's name there");
        }
        checkTensors(model.tensors());
        checkScale(model.scaling());
    }

    private void checkTensors(Tensors tensors) {
        if (tensors.outputTensor().isBlank()) {
            throw refused("output_tensor", "must be the name of the tensor with the scores");
        }
        if (!tensors.textTensor().isEmpty()) {
            if (tensors.template().isEmpty()) {
                throw refused("text_tensor", "needs '" + at + "template', what its text is made by");
            }
            if (!tensors.template().contains("{response}")
                    || tensors.template().length() > RewardModelSettings.LONGEST_TEMPLATE) {
                throw refused(
                        "template",
                        "must hold {response}, and at most " + RewardModelSettings.LONGEST_TEMPLATE
                                + " characters, as '" + at + "text_tensor' is given");
            }
            if (!tensors.answerTensor().isEmpty()
                    || !tensors.promptTensor().equals(Tensors.PROMPT)
                    || !tensors.responseTensor().equals(Tensors.RESPONSE)) {
                throw refused(
                        "text_tensor",
                        "takes the place of prompt_tensor, response_tensor and answer_tensor: leave those out");
            }
            return;
        }
        if (!tensors.template().isEmpty()) {
            throw refused("template", "is not used without '" + at + "text_tensor'");
        }
        if (tensors.responseTensor().isBlank()) {
            throw refused("response_tensor", "must be the name of the tensor with the responses");
        }
        long names = Stream.of(tensors.promptTensor(), tensors.responseTensor(), tensors.answerTensor())
                .filter(name -> !name.isEmpty())
                .count();
        if (tensors.inputs().size() != names) {
            throw refused("response_tensor", "must have another name than the other tensors");
        }
    }

    private void checkScale(RewardModelSettings.Scaling scaling) {
        boolean range = scaling.scale() == Scale.RANGE;
        if (range && !(scaling.low() < scaling.high())) {
            throw refused("low", "must be below '" + at + "high', got " + scaling.low() + " and " + scaling.high());
        }
        if (!range && (scaling.low() != 0 || scaling.high() != 1)) {
            String unused = scaling.low() != 0 ? "low" : "high";
            throw refused(unused, "is not used without '" + at + "scale: range'");
        }
    }

    private FootholdException refused(String key, String why) {
        String whole = at + key;
        return new FootholdException(ErrorCode.INVALID_INPUT, place.apply(whole) + ": '" + whole + "' " + why);
    }
}
