package io.foothold.cli.demo;

import io.foothold.augmentation.dial.Dial;
import java.nio.file.Path;

/** Run files of the demo. */
public final class DialRuns {
    private DialRuns() {}

    /**
     * A run on the dial.
     *
     * @param method preset
     * @param level level of the training problems
     * @param test name and level of the evaluation set
     */
    public static String yaml(
            String method,
            long seed,
            Path base,
            String level,
            int pool,
            String test,
            int testProblems,
            int samples,
            long updates,
            int every) {
        return """
                method: %s
                seed: %d
                updates: %d
                policy:
                  base: %s
                problems:
                  train: {family: dial, level: %s, count: %d, seed: %d, split: train}
                  evaluate:
                    %s-test: {family: dial, level: %s, count: %d, seed: %d, split: test}
                prompts:
                  root: "%s"
                  guided: "%s"
                  thought_delimiter: "%s"
                evaluation: {every: %d, samples: %d}
                checkpoint: {every: 20, keep: 2}
                """.formatted(
                        method,
                        seed,
                        updates,
                        base,
                        level,
                        pool,
                        10 + seed,
                        test,
                        test,
                        testProblems,
                        1000 + seed,
                        Dial.ROOT_TEMPLATE,
                        Dial.GUIDED_TEMPLATE.replace("\n", "\\n"),
                        Dial.DELIMITER.replace("\n", "\\n"),
                        every,
                        samples);
    }
}
