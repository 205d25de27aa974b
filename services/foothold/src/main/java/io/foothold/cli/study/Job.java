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
 * @param digest of its settings and its base policy: a result of another digest is another run's
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

    /** Its name as that of files and runs. */
    String id() {
        return arm.slug() + "-seed" + seed;
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
