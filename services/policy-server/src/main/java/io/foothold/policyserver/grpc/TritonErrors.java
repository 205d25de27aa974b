package io.foothold.policyserver.grpc;

import static io.foothold.inference.InferParameter.ParameterChoiceCase.*;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.inference.InferParameter;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Checks that Triton's core makes before a model sees a request, with the wording of a real tritonserver 2.51. */
final class TritonErrors {
    private static final String EMPTY_FINAL = "triton_enable_empty_final_response";

    /** Parameters that Triton's core reads itself. */
    private static final Map<String, List<InferParameter.ParameterChoiceCase>> RESERVED = Map.of(
            "sequence_id", List.of(INT64_PARAM, STRING_PARAM),
            "sequence_start", List.of(BOOL_PARAM),
            "sequence_end", List.of(BOOL_PARAM),
            "priority", List.of(INT64_PARAM, UINT64_PARAM),
            "timeout", List.of(INT64_PARAM));

    private TritonErrors() {}

    static void checkModel(String name, String version, String served) {
        if (!name.equals(served)) {
            throw new FootholdException(ErrorCode.NOT_FOUND, "Request for unknown model: '" + name + "' is not found");
        }
        checkVersion(name, version);
    }

    static void checkVersion(String name, String version) {
        if (version.isEmpty()) {
            return;
        }
        long number;
        try {
            number = Long.parseLong(version);
        } catch (NumberFormatException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "failed to get model version from specified version string '" + version
                            + "' (details: stol), version should be an integral value > 0",
                    e);
        }
        if (number <= 0) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "invalid model version specified '" + version + "' , version should be an integral value > 0");
        }
        if (number != 1) {
            throw new FootholdException(
                    ErrorCode.NOT_FOUND,
                    "Request for unknown model: '" + name + "' version " + number + " is not found");
        }
    }

    static void checkParameters(Map<String, InferParameter> parameters) {
        parameters.forEach((key, value) -> {
            if (key.startsWith("triton_") && !key.equals(EMPTY_FINAL)) {
                throw PolicyModel.invalid("parameter keys starting with 'triton_' are reserved for Triton usage. Only "
                        + "the following keys starting with 'triton_' are allowed: " + EMPTY_FINAL);
            }
            if (key.equals(EMPTY_FINAL) && !value.hasBoolParam()) {
                throw PolicyModel.invalid(
                        "invalid value type for '" + EMPTY_FINAL + "' parameter, expected bool_param.");
            }
            List<InferParameter.ParameterChoiceCase> kinds = RESERVED.get(key);
            if (kinds != null) {
                if (!kinds.contains(value.getParameterChoiceCase())) {
                    throw PolicyModel.invalid("invalid value type for '" + key + "' parameter, expected "
                            + String.join(
                                    " or ",
                                    kinds.stream()
                                            .map(k -> k.name().toLowerCase(Locale.ROOT))
                                            .toList())
                            + ".");
                }
                return;
            }
            if (value.hasUint64Param()
                    || value.getParameterChoiceCase() == InferParameter.ParameterChoiceCase.PARAMETERCHOICE_NOT_SET) {
                throw PolicyModel.invalid("invalid value type for '" + key
                        + "' parameter, expected int64_param, bool_param, or string_param.");
            }
        });
    }
}
