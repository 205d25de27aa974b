package io.foothold.cli;

import io.foothold.augmentation.dial.DialCorpus;
import io.foothold.augmentation.dial.DialVocabulary;
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
import java.util.Random;

/**
 * Makes the base policy of the dial from nothing: a Qwen3-shaped model of 308,592 parameters, fine-tuned on the sloppy
 * author's corpus in stages of growing length. Seeded; a few minutes on one core.
 */
final class Bootstrap {
    private static final int TOKENS_A_STEP = 2880;
    private static final int EXERCISES_A_ROUND = 512;

    private Bootstrap() {}

    static ModelConfig shape() {
        return ModelConfig.qwen3(DialVocabulary.size(), 96, 256, 3, 4, 2, 24, 256, List.of(DialVocabulary.END));
    }

    static void run(Path directory, long seed, int steps, PrintStream out) {
        NativeRuntime.enterThread();
        PolicyWeights initial = PolicyWeights.random(shape(), seed);
        DialCorpus corpus = new DialCorpus(DialCorpus.Settings.standard(), seed);
        Schedule schedule = new Schedule(Schedule.Shape.COSINE, 3e-3, 100, steps, 0.05);
        Random order = new Random(seed);
        long start = System.nanoTime();
        long tokens = 0;
        try (SupervisedFineTuning training = new SupervisedFineTuning(initial, schedule, 0.01, 1 << 20)) {
            List<List<SupervisedFineTuning.Example>> batches = new ArrayList<>();
            double smoothed = 0;
            for (int step = 1; step <= steps; step++) {
                if (batches.isEmpty()) {
                    batches.addAll(round(corpus, longest(step, steps)));
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
            PolicyDirectory.write(directory, training.weights(), DialVocabulary.tokenizerJson());
        }
    }

    /** Length stages: short problems first, or values stay at chance. */
    private static int longest(int step, int steps) {
        double progress = (double) step / steps;
        return progress < 0.15 ? 2 : progress < 0.3 ? 4 : 8;
    }

    private static List<List<SupervisedFineTuning.Example>> round(DialCorpus corpus, int longest) {
        List<SupervisedFineTuning.Example> examples = new ArrayList<>();
        for (int i = 0; i < EXERCISES_A_ROUND; i++) {
            DialCorpus.Exercise e = corpus.next(longest);
            examples.add(new SupervisedFineTuning.Example(e.prompt(), e.response(), e.weight()));
        }
        examples.sort(Comparator.comparingInt(Bootstrap::length));
        List<List<SupervisedFineTuning.Example>> out = new ArrayList<>();
        List<SupervisedFineTuning.Example> current = new ArrayList<>();
        for (SupervisedFineTuning.Example e : examples) {
            if (!current.isEmpty() && (current.size() + 1) * length(e) > TOKENS_A_STEP) {
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
