package io.foothold.cli.size;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.ComputeDevice;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.PolicyException;
import io.foothold.policy.Precision;
import picocli.CommandLine.Option;

/** Where the embedded transformer learns and samples. */
public final class RunDevices {
    private static final String LEARNER = "learner.djl.device";
    private static final String ENGINE = "--device";

    @Option(
            names = ENGINE,
            paramLabel = "DEVICE",
            description =
                    "Where our own engine samples: cpu, or a CUDA device such as cuda:0 (default: the run file's learner.djl.device).")
    private String engine = "";

    /**
     * Where our own engine samples; host memory where others do.
     *
     * @param torch whether the torch worker learns
     * @throws FootholdException INVALID_INPUT for a device of nobody, and where learner or engine would compute on one that is not there
     */
    public ComputeDevice check(RunFile plan, boolean torch, Inference inference) {
        try {
            ComputeDevice learner =
                    ComputeDevice.of(LEARNER, plan.settings().learner().djl().device());
            if (inference.elsewhere() && !engine.isEmpty()) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        ENGINE + " " + engine + " is of our own engine, and " + inference.names() + " samples");
            }
            if (!torch) {
                learner.require(LEARNER);
            }
            if (inference.elsewhere()) {
                return ComputeDevice.CPU;
            }
            ComputeDevice own = engine.isEmpty() ? learner : ComputeDevice.of(ENGINE, engine);
            own.require(engine.isEmpty() ? LEARNER : ENGINE);
            return own;
        } catch (PolicyException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, e.getMessage(), e);
        }
    }

    /** In what our own engine samples, to be told. */
    static String told(Precision precision, ComputeDevice device) {
        return "on " + device.name()
                + (GenerationEngine.Settings.halves(precision, device) ? " in bfloat16" : " in float32");
    }
}
