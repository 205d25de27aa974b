package io.foothold.cli.demo;

import io.foothold.augmentation.dial.Corpus;
import io.foothold.augmentation.dial.Dial;
import io.foothold.augmentation.dial.DialCorpus;
import io.foothold.augmentation.dial.Exercise;
import io.foothold.augmentation.dial.JumpCorpus;
import io.foothold.augmentation.dial.JumpDial;
import io.foothold.augmentation.dial.PieceVocabulary;
import io.foothold.augmentation.dial.TwoDials;
import io.foothold.augmentation.dial.TwoDialsCorpus;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.learner.sft.SupervisedFineTuning;
import io.foothold.learner.train.Schedule;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.LongFunction;

/**
 * Makes the base policy of a generated family from nothing: a Qwen3-shaped model of about 310,000 parameters, fine-tuned on the
 * sloppy author's corpus in stages of growing length. Seeded; a few minutes on one core.
 */
public final class Bootstrap {
    private static final int EXERCISES_A_ROUND = 512;

    private Bootstrap() {}

    /**
     * How a base is made.
     *
     * @param corpus from a seed
     * @param tokensAStep largest padded size of a batch
     * @param stages length stages, short problems first, or values stay at chance
     * @param steps optimizer steps of the shipped base
     */
    private record Recipe(
            PieceVocabulary vocabulary, LongFunction<Corpus> corpus, int tokensAStep, List<Stage> stages, int steps) {
        int longest(double progress) {
            return stages.stream()
                    .filter(s -> progress < s.until())
                    .findFirst()
                    .orElse(stages.get(stages.size() - 1))
                    .longest();
        }
    }

    /**
     * A stage.
     *
     * @param until share of the steps at which it ends
     * @param longest most moves of a problem
     */
    private record Stage(double until, int longest) {}

    private static final Map<String, Recipe> RECIPES = Map.of(
            "dial",
                    new Recipe(
                            Dial.VOCABULARY,
                            seed -> new DialCorpus(DialCorpus.Settings.standard(), seed),
                            2880,
                            List.of(new Stage(.15, 2), new Stage(.3, 4), new Stage(1, 8)),
                            1600),
            "dial-jumps", jumps(JumpCorpus.Settings.standard()),
            "dial-restating", jumps(JumpCorpus.Settings.restating()),
            "two-dials", twoDials(TwoDialsCorpus.Settings.standard()),
            "two-dials-rare", twoDials(TwoDialsCorpus.Settings.rare()));

    private static Recipe twoDials(TwoDialsCorpus.Settings author) {
        return new Recipe(
                TwoDials.VOCABULARY,
                seed -> new TwoDialsCorpus(author, seed),
                2900,
                List.of(new Stage(.15, 2), new Stage(.3, 4), new Stage(1, TwoDials.LONGEST)),
                900);
    }

    private static Recipe jumps(JumpCorpus.Settings author) {
        return new Recipe(
                JumpDial.VOCABULARY,
                seed -> new JumpCorpus(author, seed),
                3200,
                List.of(new Stage(.12, 3), new Stage(.25, 6), new Stage(.4, 10), new Stage(1, 16)),
                1400);
    }

    /** The families that have a base, in the order of their names. */
    public static List<String> families() {
        return RECIPES.keySet().stream().sorted().toList();
    }

    /** Shape of the dial's policy. */
    public static ModelConfig shape() {
        return shape(Dial.VOCABULARY);
    }

    private static ModelConfig shape(PieceVocabulary vocabulary) {
        return ModelConfig.qwen3(vocabulary.size(), 96, 256, 3, 4, 2, 24, 256).endingWith(List.of(PieceVocabulary.END));
    }

    /**
     * Makes a base.
     *
     * @param askedSteps optimizer steps; 0 takes those of the shipped base
     */
    public static void run(String family, Path directory, long seed, int askedSteps, PrintStream out) {
        Recipe recipe = RECIPES.get(family);
        if (recipe == null) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "unknown family '" + family + "'" + Nearest.hint(family, List.copyOf(RECIPES.keySet())));
        }
        int steps = askedSteps == 0 ? recipe.steps() : askedSteps;
        NativeRuntime.enterThread();
        PolicyWeights initial = PolicyWeights.random(shape(recipe.vocabulary()), seed);
        Corpus corpus = recipe.corpus().apply(seed);
        Schedule schedule = new Schedule(Schedule.Shape.COSINE, 3e-3, 100, steps, 0.05);
        Random order = new Random(seed);
        long start = System.nanoTime();
        long tokens = 0;
        try (SupervisedFineTuning training = new SupervisedFineTuning(initial, schedule, 0.01, 1 << 20)) {
            List<List<SupervisedFineTuning.Example>> batches = new ArrayList<>();
            double smoothed = 0;
            for (int step = 1; step <= steps; step++) {
                if (batches.isEmpty()) {
                    batches.addAll(round(corpus, recipe.longest((double) step / steps), recipe.tokensAStep()));
                    Collections.shuffle(batches, order);
                }
                List<SupervisedFineTuning.Example> batch = batches.remove(batches.size() - 1);
                double loss = training.step(batch);
                smoothed = step == 1 ? loss : 0.95 * smoothed + 0.05 * loss;
                tokens += batch.stream()
                        .mapToLong(e -> e.prompt().length + e.response().length)
                        .sum();
                if (step % 100 == 0 || step == steps) {
                    double seconds = (System.nanoTime() - start) / 1e9;
                    out.printf(
                            "bootstrap step %d of %d: loss %.4f, %.0f tokens/s, %.0f s%n",
                            step, steps, smoothed, tokens / seconds, seconds);
                }
            }
            PolicyDirectory.write(
                    directory, training.weights(), recipe.vocabulary().tokenizerJson());
        }
    }

    private static List<List<SupervisedFineTuning.Example>> round(Corpus corpus, int longest, int tokensAStep) {
        List<SupervisedFineTuning.Example> examples = new ArrayList<>();
        for (int i = 0; i < EXERCISES_A_ROUND; i++) {
            Exercise e = corpus.next(longest);
            examples.add(new SupervisedFineTuning.Example(e.prompt(), e.response(), e.labels(), e.weight()));
        }
        examples.sort(Comparator.comparingInt(Bootstrap::length));
        List<List<SupervisedFineTuning.Example>> out = new ArrayList<>();
        List<SupervisedFineTuning.Example> current = new ArrayList<>();
        for (SupervisedFineTuning.Example e : examples) {
            if (!current.isEmpty() && (current.size() + 1) * length(e) > tokensAStep) {
                out.add(current);
                current = new ArrayList<>();
            }
            current.add(e);
        }
        out.add(current);
        return out;
    }

    private static int length(SupervisedFineTuning.Example e) {
        return e.prompt().length + e.response().length;
    }
}
