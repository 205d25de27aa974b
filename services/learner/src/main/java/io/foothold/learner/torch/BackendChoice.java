package io.foothold.learner.torch;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.policy.CausalModel;
import io.foothold.policy.ModelConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Which backend computes a run.
 *
 * @param torch whether it is torch, and not the embedded one
 * @param why the reason, to be told
 */
public record BackendChoice(boolean torch, String why) {
    private static final String DJL = "djl";
    private static final String TORCH = "torch";
    private static final String AUTO = "auto";

    /**
     * Chooses.
     *
     * @param wanted djl, torch or auto; empty is djl
     * @param base directory of the base policy
     */
    public static BackendChoice of(String wanted, Path base) {
        return switch (wanted) {
            case "", DJL -> new BackendChoice(false, "learner.backend is djl");
            case TORCH -> new BackendChoice(true, "learner.backend is torch");
            case AUTO ->
                foreign(base)
                        .map(name -> new BackendChoice(true, name + " is known to torch only"))
                        .orElseGet(() -> new BackendChoice(false, "the embedded backend knows the model"));
            default ->
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "unknown learner.backend '" + wanted + "'" + Nearest.hint(wanted, List.of(AUTO, DJL, TORCH)));
        };
    }

    /** The architecture of a base policy that the embedded backend does not know; empty when it does. */
    public static Optional<String> foreign(Path base) {
        return ModelConfig.foreignArchitecture(CausalModel.baseOf(base));
    }
}
