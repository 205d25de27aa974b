package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.core.policy.Canary;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.Lora;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A policy of which not even one copy would fit the heap, through all that a run does with it, in a process of its own. */
class LargePolicyTest {
    private static final String HEAP = "-Xmx256m";

    @TempDir
    Path directory;

    /** A run: opens, scores, trains, checkpoints, publishes; the artefact is served; the run goes on where it was. */
    public static final class Life {
        private static final long START = System.nanoTime();

        private Life() {}

        /** Directory, vocabulary, width, feed-forward width, layers, heads, heads of keys, head dimension, LoRA's rank or 0, updates. */
        public static void main(String[] args) throws IOException {
            int[] n = Arrays.stream(args).skip(1).mapToInt(Integer::parseInt).toArray();
            ModelConfig config = ModelConfig.qwen3(n[0], n[1], n[2], n[3], n[4], n[5], n[6], 64)
                    .endingWith(List.of(1));
            System.out.println("parameters " + config.parameters() + ", LoRA's rank " + n[7]);
            Path base = Path.of(args[0], "base");
            Path home = Path.of(args[0], "home-" + n[7]);
            if (!Files.exists(base)) {
                RandomPolicy.write(base, config);
                say("written");
            }
            NativeRuntime.enterThread();
            Path artefact;
            RunStore.Artefact published;
            Canary canary;
            try (LearnerRun run = new LearnerRun(base, home, settings(n[7]))) {
                say("opened");
                String before = run.artefact().digest();
                run.canary();
                say("scored");
                for (int update = 1; update <= n[8]; update++) {
                    run.train(update, List.of(group(update, n[0])));
                    say("update " + update + " trained, published and checkpointed");
                }
                published = run.artefact();
                if (published.digest().equals(before)) {
                    throw new IllegalStateException("nothing was learned");
                }
                artefact = run.store().artefactFile(published.name());
                canary = run.canary();
            }
            try (PolicyWeights weights = PolicyWeights.readArtefact(config, artefact, published.digest());
                    GenerationEngine engine = new GenerationEngine(
                            weights, 0, null, new GenerationEngine.Settings(8, 64, 4, false, Precision.FAST))) {
                Canary.Difference difference =
                        canary.difference(engine.score(canary.sequences()).cold());
                if (!Canary.Bound.FLOAT32.holds(difference)) {
                    throw new IllegalStateException("the engine computes something else: " + difference);
                }
                say("served, differs by " + difference);
            }
            try (LearnerRun run = new LearnerRun(base, home, settings(n[7]))) {
                if (run.update() != n[8] || !run.artefact().digest().equals(published.digest())) {
                    throw new IllegalStateException("the run does not go on where it was: update " + run.update());
                }
            }
            say("reopened");
            System.out.println("whole");
        }

        /** What was done, when, and the most memory that the process had in the meantime. */
        private static void say(String what) throws IOException {
            String most = Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmHWM"))
                    .map(line -> line.replaceAll("\\D", ""))
                    .findAny()
                    .orElse("0");
            System.out.printf(
                    "%6.1f s, at most %5d MiB resident, heap %3d MiB: %s%n",
                    (System.nanoTime() - START) / 1e9,
                    Long.parseLong(most) >> 10,
                    (Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory()) >> 20,
                    what);
            // From here on the most is counted anew.
            Files.writeString(Path.of("/proc/self/clear_refs"), "5");
        }

        private static TrainGroup group(long update, int vocabulary) {
            List<TrainGroup.Member> members = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                int[] sampled = new int[5];
                for (int t = 0; t < sampled.length; t++) {
                    sampled[t] = (int) (2 + (update * 7 + i * 11L + t * 3L) % (vocabulary - 2));
                }
                float[] logProbs = new float[sampled.length];
                Arrays.fill(logProbs, (float) -Math.log(vocabulary));
                long[] versions = new long[sampled.length];
                Arrays.fill(versions, update - 1);
                members.add(new TrainGroup.Member(
                        "r" + update + "/" + i,
                        new int[] {2, 3, 4},
                        new int[0],
                        sampled,
                        logProbs,
                        versions,
                        false,
                        i,
                        false));
            }
            return new TrainGroup("g" + update, members);
        }

        private static RunSettings settings(int rank) {
            return new RunSettings(
                    new RunSettings.Learning(
                            AdvantageEstimator.named("mean", 0),
                            LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN),
                            new MismatchRule.None(),
                            1,
                            false),
                    new RunSettings.Optimizer(
                            new Schedule(Schedule.Shape.CONSTANT, 0.001, 0, 0, 1), 0.9, 0.95, 1e-8, 0, 1),
                    new RunSettings.Steps(0, 1, 64),
                    new RunSettings.Checkpoints(1, 1),
                    new RunSettings.Computation(Precision.FAST, 1e9),
                    rank > 0 ? Optional.of(new Lora(rank, rank, Lora.ALL)) : Optional.empty(),
                    1,
                    "settings\n");
        }
    }

    /**
     * A shape and what is done with it.
     *
     * @param ranks of LoRA, 0 for all weights
     * @param minutes that one rank may take
     */
    private record Shape(List<String> sizes, List<Integer> ranks, int updates, String heap, int minutes) {
        /** By the name in the property: of the suite's own, which has 70 million parameters, or of a model that load-tests/real asks for. */
        static Shape named(String name) {
            return switch (name) {
                case "70m" ->
                    new Shape(List.of("32000", "1024", "3072", "3", "16", "8", "64"), List.of(0, 4), 1, "-Xmx256m", 3);
                case "0.6b" -> new Shape(sizes("1024", "3072"), List.of(0), 1, "-Xmx512m", 40);
                case "0.6b-lora" -> new Shape(sizes("1024", "3072"), List.of(16), 2, "-Xmx512m", 40);
                case "1.7b-lora" -> new Shape(sizes("2048", "6144"), List.of(16), 2, "-Xmx512m", 60);
                default ->
                    throw new IllegalArgumentException(
                            "shape '" + name + "' (expected 70m, 0.6b, 0.6b-lora or 1.7b-lora)");
            };
        }

        /** Of a Qwen3 with 28 layers. */
        private static List<String> sizes(String width, String feedForward) {
            return List.of("151936", width, feedForward, "28", "16", "8", "128");
        }
    }

    @Test
    void aPolicyLargerThanTheHeapIsTrainedAndServed() throws Exception {
        Shape shape = Shape.named(System.getProperty("foothold.large", "70m"));
        for (int rank : shape.ranks()) {
            Path said = directory.resolve("said");
            List<String> command = new ArrayList<>(List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--enable-native-access=ALL-UNNAMED",
                    shape.heap(),
                    "-XX:+UseSerialGC",
                    "-cp",
                    System.getProperty("java.class.path"),
                    Life.class.getName(),
                    directory.toString()));
            command.addAll(shape.sizes());
            command.addAll(List.of(Integer.toString(rank), Integer.toString(shape.updates())));
            Process process = new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(said.toFile())
                    .start();
            boolean over = process.waitFor(shape.minutes(), TimeUnit.MINUTES);
            process.destroyForcibly();
            String text = Files.readString(said, StandardCharsets.UTF_8);
            System.out.println(text);
            assertThat(over).as(text).isTrue();
            assertThat(process.exitValue()).as(text).isZero();
            assertThat(text).contains("whole");
        }
    }
}
