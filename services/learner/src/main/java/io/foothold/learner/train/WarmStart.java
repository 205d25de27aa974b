package io.foothold.learner.train;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.PolicyException;
import io.foothold.policy.Sha256;
import io.foothold.policy.Trainer;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/**
 * Supervised fine-tuning before a run's first update: mean cross-entropy of given solutions behind their prompts, a constant learning rate,
 * an order drawn from the run's seed. It makes another base policy, so whatever holds of base policies holds of it: the run begins
 * with fresh moments, and a KL term refers to it.
 *
 * @param epochs passes over the solutions
 * @param solutionsPerStep solutions of an optimizer step
 * @param learningRate of every step
 * @param solutions what is imitated; one that does not end itself is ended by the model's first end token
 */
public record WarmStart(
        int epochs, int solutionsPerStep, double learningRate, List<GivenSolutions.Solution> solutions) {
    private static final Logger LOG = Logger.getLogger(WarmStart.class);
    private static final LossRule RULE = LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN);
    private static final String DIRECTORY = "warm-start";
    private static final String WEIGHTS = "model.safetensors";
    private static final String SEAL = "warm-start.json";

    /**
     * What a warm start says of itself.
     *
     * @param from canonical text of what it was made from
     * @param sha256 of its files, by path
     */
    record Sealed(String from, Map<String, String> sha256) {}

    /** Copies; ranges are checked. */
    public WarmStart {
        solutions = List.copyOf(solutions);
        if (epochs < 1 || solutionsPerStep < 1 || !(learningRate > 0) || Double.isInfinite(learningRate)) {
            throw new IllegalArgumentException(
                    "sft needs epochs >= 1, solutions_per_step >= 1 and a learning rate above 0, got " + epochs + ", "
                            + solutionsPerStep + " and " + learningRate);
        }
    }

    /**
     * The policy that the run begins with: made once, and found again after a crash.
     *
     * @param home of the run
     * @return its directory, in Hugging Face's layout
     * @throws FootholdException {@link ErrorCode#INVALID_DATA} without a solution, for one that the model cannot take, or when what is
     *     found is not as it was written; {@link ErrorCode#CONFLICT} with the difference when it was made from something else
     */
    public Path policy(Path base, Path home, RunSettings settings, Disk disk, TensorBackend.Opener opener) {
        Path made = home.resolve(DIRECTORY);
        if (Files.isDirectory(made)) {
            verify(made, settings);
            return made;
        }
        if (settings.lora().isPresent()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "sft trains all weights: it cannot be had with optimizer.lora");
        }
        if (solutions.isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "sft needs a solution to imitate, there is none");
        }
        Path part = home.resolve(DIRECTORY + ".part");
        try (TensorBackend backend = opener.open(base, settings, Optional.empty(), 0)) {
            imitate(backend, settings);
            write(backend, part, made, disk, settings);
            disk.force(home);
            return made;
        } catch (IOException | PolicyException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + made + ": " + e.getMessage(), e);
        }
    }

    private void verify(Path made, RunSettings settings) {
        Sealed sealed = SealedJson.decode(made.resolve(SEAL), Sealed.class);
        String now = from(settings);
        if (!sealed.from().equals(now)) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "what is imitated changed since " + made + " was made: "
                            + CheckpointStore.difference(sealed.from(), now));
        }
        List<String> wrong = CheckpointStore.wrong(made, sealed.sha256(), SEAL);
        if (!wrong.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    made + " is damaged: " + String.join("; ", wrong)
                            + "; put it back from a copy, or delete it: the same is made again");
        }
    }

    /** What the policy depends on besides its base: canonical text, a line each. */
    private String from(RunSettings settings) {
        ByteArrayOutputStream tokens = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(tokens);
        try {
            for (GivenSolutions.Solution s : solutions) {
                for (int[] part : List.of(s.prompt(), s.solution())) {
                    out.writeInt(part.length);
                    for (int token : part) {
                        out.writeInt(token);
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("memory takes all", e);
        }
        return "sft.epochs: " + epochs + "\nsft.solutions_per_step: " + solutionsPerStep + "\nsft.learning_rate: "
                + learningRate + "\nseed: " + settings.seed() + "\n" + solutions.size() + " solutions with SHA-256 "
                + Sha256.of(tokens.toByteArray()) + "\n";
    }

    private void write(TensorBackend backend, Path part, Path made, Disk disk, RunSettings settings)
            throws IOException {
        delete(part);
        disk.createDirectories(part);
        Map<String, String> files = new TreeMap<>(CheckpointStore.written(part, backend.modelFiles(), disk));
        files.put(WEIGHTS, backend.export(part.resolve(WEIGHTS), disk));
        disk.write(part.resolve(SEAL), FileContent.of(SealedJson.encode(new Sealed(from(settings), files))));
        disk.force(part);
        disk.move(part, made);
    }

    private void imitate(TensorBackend backend, RunSettings settings) {
        List<Trainer.Sequence> sequences = new ArrayList<>();
        for (int i = 0; i < solutions.size(); i++) {
            sequences.add(sequence(backend, i));
        }
        Random order = new Random(settings.seed());
        for (int epoch = 1; epoch <= epochs; epoch++) {
            Collections.shuffle(sequences, order);
            double loss = 0;
            for (int from = 0; from < sequences.size(); from += solutionsPerStep) {
                List<Trainer.Sequence> batch =
                        sequences.subList(from, Math.min(sequences.size(), from + solutionsPerStep));
                loss += step(backend, batch, settings) * batch.size() / sequences.size();
            }
            LOG.infof("sft: pass %d of %d over %d solutions, %.4f nats a token", epoch, epochs, sequences.size(), loss);
        }
    }

    private double step(TensorBackend backend, List<Trainer.Sequence> batch, RunSettings settings) {
        CreditPlan plan = CreditPlan.of(
                RULE,
                batch.stream()
                        .map(s -> new CreditPlan.Member(s.prompt().length, 0, s.sampled().length, 1))
                        .toList());
        double loss = backend.accumulate(batch, plan, RULE, 1).loss();
        RunSettings.Optimizer own = settings.optimizer();
        TensorBackend.Stepped stepped = backend.step(new Trainer.AdamW(
                learningRate, own.beta1(), own.beta2(), own.epsilon(), own.weightDecay(), own.clipNorm()));
        if (!stepped.taken()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "sft: the gradient norm is " + stepped.norm()
                            + ", no step can be taken; a lower sft.learning_rate, now " + learningRate + ", may help");
        }
        return loss;
    }

    private Trainer.Sequence sequence(TensorBackend backend, int index) {
        GivenSolutions.Solution s = solutions.get(index);
        GivenSolutions.check(index, s, backend.vocabulary());
        int[] tokens = s.solution();
        if (!backend.endTokens().contains(tokens[tokens.length - 1])) {
            tokens = Arrays.copyOf(tokens, tokens.length + 1);
            tokens[tokens.length - 1] = backend.endTokens().getFirst();
        }
        if (s.prompt().length + tokens.length > backend.maxPositions()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "sft: solution " + index + " has " + s.prompt().length + " tokens of prompt and " + tokens.length
                            + " of its own, more than the " + backend.maxPositions() + " that the model takes");
        }
        return new Trainer.Sequence(s.prompt(), new int[0], tokens, new float[tokens.length]);
    }

    private static void delete(Path directory) throws IOException {
        if (Files.exists(directory)) {
            try (Stream<Path> all = Files.walk(directory)) {
                for (Path p : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(p);
                }
            }
        }
    }
}
