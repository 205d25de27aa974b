package io.foothold.learner.torch;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where the worker's package and the Python that runs it are.
 *
 * @param python interpreter of the environment
 * @param packages directory that holds the package {@code foothold_torch}
 */
public record TorchEnvironment(Path python, Path packages) {
    private static final String SCRIPT = "env.sh";

    /**
     * Finds the environment that the package's pins name.
     *
     * @param packages directory that holds the package {@code foothold_torch}, its pins and {@code env.sh}
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} when there is none, with the command that makes it
     */
    public static TorchEnvironment find(Path packages) {
        Path script = packages.resolve(SCRIPT);
        if (!Files.isRegularFile(script)) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "learner.backend torch: " + packages
                            + " does not hold the torch worker (foothold.learner.torch.package "
                            + "names the directory services/learner/torch)");
        }
        try {
            Process process = new ProcessBuilder("bash", script.toString()).start();
            process.getOutputStream().close();
            String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            String told = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (process.waitFor() != 0 || out.isEmpty()) {
                throw new FootholdException(ErrorCode.INVALID_INPUT, "learner.backend torch: " + told);
            }
            return new TorchEnvironment(Path.of(out), packages);
        } catch (IOException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "learner.backend torch: " + script + " cannot be run: " + e.getMessage(),
                    e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.DRAINING, "the learner is shutting down", e);
        }
    }
}
