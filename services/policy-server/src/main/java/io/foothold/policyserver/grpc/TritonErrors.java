package io.foothold.policyserver.grpc;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.inference.InferParameter;
import java.util.Map;

/** Checks that Triton's core makes before a model sees a request, with the wording of a real tritonserver 2.51. */
final class TritonErrors {
    private static final String EMPTY_FINAL = "triton_enable_empty_final_response";

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
            if (value.hasUint64Param()
                    || value.getParameterChoiceCase() == InferParameter.ParameterChoiceCase.PARAMETERCHOICE_NOT_SET) {
                throw PolicyModel.invalid("invalid value type for '" + key
                        + "' parameter, expected int64_param, bool_param, or string_param.");
            }
        });
    }
}
