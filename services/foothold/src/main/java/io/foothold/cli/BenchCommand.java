package io.foothold.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.loss.CreditPlan;
import io.foothold.core.loss.LossRule;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.GenerationRequest;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Trainer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures engine and learner on the shape of the shipped policy with random weights, as {@code load-tests/peers} does others. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = "Measures engine and learner; prints one JSON object a line.")
final class BenchCommand implements Callable<Integer> {
    private static final int PROMPT = 20;
    private static final int MOST_NEW = 64;
    private static final int[] BATCHES = {1, 16, 64, 256};

    @Option(names = "--json", description = "One JSON object a line (always so; kept for scripts).")
    private boolean json;

    @Option(names = "--model", description = "Policy directory (default: the shipped shape with random weights).")
    private String model = "";

    @Option(names = "--threads", description = "Intra-op threads of libtorch (default: ${DEFAULT-VALUE}).")
    private int threads = 1;

    @Option(names = "--precision", description = "exact or fast (default: ${DEFAULT-VALUE}).")
    private String precision = "fast";

    private final ObjectMapper mapper = new ObjectMapper();

    @Override
    public Integer call() throws Exception {
        System.setProperty("ai.djl.pytorch.num_threads", Integer.toString(threads));
        NativeRuntime.enterThread();
        Precision attention = precision.equals("exact") ? Precision.EXACT : Precision.FAST;
        PolicyWeights weights;
        if (model.isEmpty()) {
            ModelConfig shape = Bootstrap.shape();
            weights = PolicyWeights.random(shape, 0, 0.02);
        } else {
            weights = PolicyDirectory.open(Path.of(model)).weights();
        }
        ObjectNode engine = mapper.createObjectNode();
        ObjectNode rates = engine.put("system", "foothold engine")
                .put("threads", threads)
                .put("precision", precision)
                .putObject("useful_tokens_per_s");
        ObjectNode occupancy = engine.putObject("slot_occupancy");
        for (int batch : BATCHES) {
            engine(weights, batch, attention, rates, occupancy);
        }
        System.out.println(engine);
        System.out.println(mapper.createObjectNode()
                .put("system", "foothold learner, dense 96 x (20 + 51), prompts not shared")
                .put("threads", threads)
                .put("precision", precision)
                .put("learner_trained_tokens_per_s", Math.round(learner(weights, attention, false))));
        System.out.println(mapper.createObjectNode()
                .put("system", "foothold learner, ragged, 12 prompts shared by 8")
                .put("threads", threads)
                .put("precision", precision)
                .put("learner_trained_tokens_per_s", Math.round(learner(weights, attention, true))));
        return 0;
    }

    private static int[] prompt(SplittableRandom random, int vocabulary) {
        return random.ints(PROMPT, 2, vocabulary).toArray();
    }

    /** Useful tokens are those up to and with the end token; a batch is so many slots with four times as many requests. */
    private static void engine(
            PolicyWeights weights, int batch, Precision precision, ObjectNode rates, ObjectNode occupancy) {
        int vocabulary = weights.config().vocabulary();
        double best = 0;
        double used = 0;
        try (GenerationEngine engine = new GenerationEngine(
                weights,
                0,
                null,
                new GenerationEngine.Settings(batch, PROMPT + MOST_NEW, batch < 8 ? 8 : 4, false, precision))) {
            for (int repetition = 0; repetition < 4; repetition++) {
                SplittableRandom random = new SplittableRandom(repetition);
                long before = engine.counters().tokens();
                GenerationEngine.Counters start = engine.counters();
                long time = System.nanoTime();
                for (int i = 0; i < Math.max(16, 4 * batch); i++) {
                    engine.submit(
                            GenerationRequest.plain(
                                    "b" + i, prompt(random, vocabulary), MOST_NEW, random.nextLong() >>> 1),
                            new Ignore());
                }
                while (engine.step()) {
                    // Runs until nothing is left.
                }
                double seconds = (System.nanoTime() - time) / 1e9;
                if (repetition > 0) {
                    best = Math.max(best, (engine.counters().tokens() - before) / seconds);
                    used = (double) (engine.counters().rowSteps() - start.rowSteps())
                            / (engine.counters().slotSteps() - start.slotSteps());
                }
            }
        }
        rates.put(Integer.toString(batch), Math.round(best));
        occupancy.put(Integer.toString(batch), Math.round(used * 1000) / 1000.0);
    }

    private static final class Ignore implements GenerationRequest.Listener {
        @Override
        public void tokens(int[] tokens, float[] logProbs, long version) {
            // Counted by the engine.
        }

        @Override
        public void ended(GenerationRequest.End end, int stopIndex) {
            // Counted by the engine.
        }
    }

    /** Trained tokens are response tokens that went through forward, backward and an optimizer step with an advantage. */
    private static double learner(PolicyWeights weights, Precision precision, boolean ragged) {
        SplittableRandom random = new SplittableRandom(7);
        int vocabulary = weights.config().vocabulary();
        List<Trainer.Sequence> rows = new ArrayList<>();
        List<CreditPlan.Member> members = new ArrayList<>();
        int[] shared = prompt(random, vocabulary);
        long tokens = 0;
        for (int i = 0; i < 96; i++) {
            if (!ragged || i % 8 == 0) {
                shared = prompt(random, vocabulary);
            }
            // Ragged lengths: geometric with the end token's chance of 1 in 38, cut at 64, as random weights give them.
            int length = 51;
            if (ragged) {
                length = 1;
                while (length < MOST_NEW && random.nextInt(38) != 0) {
                    length++;
                }
            }
            int[] response = random.ints(length, 2, vocabulary).toArray();
            float[] behaviour = new float[length];
            Arrays.fill(behaviour, (float) -Math.log(vocabulary));
            rows.add(new Trainer.Sequence(shared, new int[0], response, behaviour));
            members.add(new CreditPlan.Member(PROMPT, 0, length, random.nextBoolean() ? .5 : -.5));
            tokens += length;
        }
        LossRule rule = LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN);
        CreditPlan plan = CreditPlan.of(rule, members);
        double[] seconds = new double[10];
        try (Trainer trainer = new Trainer(weights, 8192, precision)) {
            for (int i = 0; i < seconds.length + 2; i++) {
                long time = System.nanoTime();
                trainer.accumulate(rows, plan, rule, 1);
                trainer.step(new Trainer.AdamW(6e-4, 0.9, 0.95, 1e-8, 0.01, 1));
                if (i >= 2) {
                    seconds[i - 2] = (System.nanoTime() - time) / 1e9;
                }
            }
        }
        Arrays.sort(seconds);
        return tokens / seconds[seconds.length / 2];
    }
}
