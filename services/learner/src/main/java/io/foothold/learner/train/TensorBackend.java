package io.foothold.learner.train;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.Trainer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What touches tensors when a policy is trained. It knows no method: it scores, sums gradients, takes steps and writes files, and what
 * gets credit is decided by its caller. Owned by one thread. After an exception of {@link #accumulate} or {@link #step} it is of no
 * further use but to be closed.
 */
public interface TensorBackend extends AutoCloseable {

    /** Opens the backend of a run. */
    @FunctionalInterface
    interface Opener {
        /**
         * Loads a policy, with moments and step count where there is a checkpoint.
         *
         * @param basePolicy Hugging Face directory, or one of adapters
         * @param checkpoint directory that {@link TensorBackend#save} wrote to; empty for the base with fresh moments
         * @param steps optimizer steps that the checkpoint holds; 0 without one
         * @throws FootholdException when it cannot be loaded, naming file, value and what to do
         */
        TensorBackend open(Path basePolicy, RunSettings settings, Optional<Path> checkpoint, long steps);
    }

    /**
     * What an optimizer step did.
     *
     * @param norm gradient norm before clipping
     * @param taken false when the norm was not finite: weights and moments are as before, the gradient sums are gone
     */
    record Stepped(double norm, boolean taken) {}

    /** Token ids are below this. */
    int vocabulary();

    /** Longest sequence, tokens. */
    int maxPositions();

    /** Ids of the tokens that end a response, at least one. */
    List<Integer> endTokens();

    /** Optimizer steps taken. */
    long steps();

    /** Whether it can still compute; what is not alive is opened again. */
    boolean alive();

    /** Log-probs and entropies of sampled tokens under the current weights, without gradient, one entry a sequence. */
    List<Trainer.Score> score(List<Trainer.Sequence> sequences, double temperature);

    /**
     * Adds the gradient of the loss of these sequences to the gradient sums. Rows that can have no gradient may be skipped; their score
     * is null.
     *
     * @param plan one entry a sequence, in order
     */
    Trainer.Accumulated accumulate(
            List<Trainer.Sequence> sequences, CreditPlan plan, LossRule rule, double temperature);

    /** Takes one optimizer step with the gradient sums and clears them. */
    Stepped step(Trainer.AdamW settings);

    /** The files that a model's directory has besides its weights, by name: config, generation config, tokenizer. */
    Map<String, FileContent> modelFiles();

    /**
     * Writes the weights, adapters merged in, as one safetensors file, forced to disk. The same weights give the same bytes.
     *
     * @return SHA-256 of the file, hexadecimal
     */
    String export(Path file, Disk disk) throws IOException;

    /**
     * Writes the adapters in PEFT's layout into a directory that is there, forced to disk but for the names in it: {@code
     * adapter_config.json} and {@code adapter_model.safetensors}.
     *
     * @return false, and nothing is written, when all weights are trained
     */
    boolean exportAdapter(Path directory, Disk disk) throws IOException;

    /**
     * Writes what a checkpoint needs of the backend into a directory that is there, forced to disk but for the names in directories:
     * {@code model.safetensors} with merged weights, {@code adapter/} in PEFT's format where adapters are trained, and whatever it has to
     * have to go on as if nothing had happened.
     *
     * @return SHA-256 of each file by its path in the directory
     */
    Map<String, String> save(Path directory, Disk disk) throws IOException;

    @Override
    void close();
}
