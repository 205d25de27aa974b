package io.foothold.cli.study;

import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.Sha256;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * An arm with a seed.
 *
 * @param digest of its settings and its base policy, hexadecimal: a result of another digest is another run's
 */
record Job(Arm arm, long seed, String digest) {
    /**
     * The job of an arm and a seed.
     *
     * @throws FootholdException for a run file that is refused
     */
    static Job of(Arm arm, long seed) {
        RunFile file = RunFile.resolve(arm.name(), arm.runFile().apply(seed), arm.settings());
        Path weights = Workspace.policy(arm.base()).resolve("model.safetensors");
        try {
            String all = file.stored() + "\n" + Sha256.of(weights);
            return new Job(arm, seed, Sha256.of(all.getBytes(StandardCharsets.UTF_8)));
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.NOT_FOUND, "cannot read " + weights + ": " + e.getMessage(), e);
        }
    }

    private static final int DIGEST_SHOWN = 12;

    /** Its name for people. */
    String name() {
        return arm.slug() + "-seed" + seed;
    }

    /** Its name as that of files, locks and runs: a run of the same arm and seed with other settings lies beside it. */
    String id() {
        return name() + "-" + digest.substring(0, DIGEST_SHOWN);
    }

    /** Where its result lies. */
    Path result(Path home) {
        return home.resolve("results").resolve(id() + ".json");
    }

    /** Whether it is finished, with these settings. */
    boolean isDone(Path home) {
        return Outcome.read(result(home)).filter(o -> o.digest().equals(digest)).isPresent();
    }
}
