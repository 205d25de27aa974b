package io.foothold.cli.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.augmentation.dial.Dial;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.FileRoots;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.random.Seeds;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.GenerationRequest;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Measures whole runs through all services in this process: the sampling phases of synchronous ones beside the engine alone on
 * the same work, and an asynchronous GRPO run whose reward is a coin (so that nearly every group has a signal).
 */
final class RunBench {
    private static final int PROBLEMS = 1200;
    private static final int ROLLOUTS_PER_GROUP = 8;
    private static final int GROUPS = 12;
    private static final int MANY_GROUPS = 48;
    private static final int SLOTS = 128;
    private static final int ASYNCHRONOUS_UPDATES = 100;
    private static final int SYNCHRONOUS_RUNS = 12;
    /** Runs until the JVM has compiled what a rollout goes through; measured in load-tests. */
    private static final int COLD_RUNS = 40;

    private static final int SYNCHRONOUS_UPDATES = 8;
    private static final int WARM_UP = 4;
    private static final int WARM_UP_OF_A_RUN = 2;
    private static final long SEED = 1;

    private final Path home;
    private final PolicyWeights weights;
    private final Precision precision;
    private final ObjectMapper mapper = new ObjectMapper();

    RunBench(Path home, PolicyWeights weights, Precision precision) {
        this.home = home.toAbsolutePath().normalize();
        this.weights = weights;
        this.precision = precision;
    }

    /** Names of what was measured, with their numbers. */
    Map<String, Map<String, Double>> measure() throws Exception {
        if (weights.config().vocabulary() != Dial.VOCABULARY.size()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "the whole run needs a policy with the dial's " + Dial.VOCABULARY.size() + " tokens, this one has "
                            + weights.config().vocabulary() + "; leave it out with --only engine,learner");
        }
        Path policy = home.resolve("policy");
        PolicyDirectory.write(policy, weights, Dial.VOCABULARY.tokenizerJson());
        Path problems = home.resolve("problems.jsonl");
        Workspace.write(problems, problems());
        Map<String, Map<String, Double>> out = new LinkedHashMap<>();
        int code = AllInOne.run(
                home,
                AllInOne.freePort(),
                FileRoots.with(
                        Map.of(
                                "foothold.policy-server.model", policy.toString(),
                                "foothold.policy-server.slots", Integer.toString(SLOTS),
                                "foothold.policy-server.max-length",
                                        Integer.toString(EngineBench.PROMPT + EngineBench.MOST_NEW),
                                "foothold.policy-server.precision",
                                        precision.name().toLowerCase(Locale.ROOT)),
                        home,
                        List.of()),
                runs -> {
                    // The weights stay as they are, so that the engine alone can do the same work again.
                    for (int groups : new int[] {GROUPS, MANY_GROUPS}) {
                        String file = runFile(policy, problems, 0, groups, SYNCHRONOUS_UPDATES, 1e-30);
                        int coldRuns = groups == GROUPS ? COLD_RUNS : 0;
                        out.put(
                                "sampling phases of a synchronous run, " + groups * ROLLOUTS_PER_GROUP + " rollouts",
                                synchronous(runs, "synchronous-" + groups, file, coldRuns));
                    }
                    follow(runs, "asynchronous", runFile(policy, problems, 2, GROUPS, ASYNCHRONOUS_UPDATES, 1e-6));
                    out.put("whole asynchronous GRPO run", asynchronous(runs));
                    return 0;
                });
        if (code != 0) {
            throw new FootholdException(ErrorCode.INTERNAL, "the bench run ended with " + code);
        }
        return out;
    }

    /** Random prompts of the engine bench's length, each a text that encodes to just its tokens. */
    private String problems() {
        SplittableRandom random = new SplittableRandom(SEED);
        List<String> pieces = Dial.VOCABULARY.decodable();
        StringBuilder text = new StringBuilder();
        for (int made = 0; made < PROBLEMS; ) {
            StringBuilder prompt = new StringBuilder();
            random.ints(EngineBench.PROMPT, 0, pieces.size()).forEach(i -> prompt.append(pieces.get(i)));
            if (Dial.VOCABULARY.encode(prompt.toString()).length == EngineBench.PROMPT) {
                ObjectNode line = mapper.createObjectNode();
                line.put("id", "p" + made++).put("problem", prompt.toString()).put("answer", "0");
                line.put("kind", "exact").put("max_tokens", EngineBench.MOST_NEW);
                text.append(line).append('\n');
            }
        }
        return text.toString();
    }

    private String runFile(Path policy, Path problems, int staleness, int groups, int updates, double learningRate) {
        return """
                method: grpo
                seed: %d
                updates: %d
                staleness: %d
                reward: random
                precision: %s
                policy: {base: %s}
                problems:
                  train: {jsonl: %s}
                  evaluate:
                    after: {family: dial, level: easy, count: 1, split: test}
                estimator: {name: mean}
                loss: {aggregation: token_mean}
                sampling: {rollouts_per_group: %d, groups_per_update: %d}
                optimizer: {learning_rate: %s, weight_decay: 0.0}
                evaluation: {every: 1000000, samples: 1}
                checkpoint: {every: 1000000}
                max_log_prob_difference: 1e-3
                """.formatted(
                        SEED,
                        updates,
                        staleness,
                        precision.name().toLowerCase(Locale.ROOT),
                        policy,
                        problems,
                        ROLLOUTS_PER_GROUP,
                        groups,
                        learningRate);
    }

    private static void follow(RunManager runs, String id, String file) {
        runs.create(id, file, List.of());
        Ledger.RunRow end = runs.end(id).join();
        if (!end.state().equals("finished")) {
            throw new FootholdException(ErrorCode.WRONG_STATE, "run " + id + " " + end.state() + ": " + end.reason());
        }
    }

    private List<JsonNode> updates(RunManager runs, String id) throws IOException {
        List<JsonNode> out = new ArrayList<>();
        for (Ledger.EventRow event : runs.ledger().events(id, 0)) {
            if (event.kind().equals("update_done")) {
                out.add(event.details());
            }
        }
        return out;
    }

    /** Rollouts that an optimizer step took with an advantage, over the time between updates, the first ones left out. */
    private Map<String, Double> asynchronous(RunManager runs) throws IOException {
        List<JsonNode> updates = updates(runs, "asynchronous");
        double[] gaps = new double[updates.size() - 1 - WARM_UP];
        double credited = 0;
        double tokens = 0;
        double staleness = 0;
        for (int i = 0; i < gaps.length; i++) {
            JsonNode now = updates.get(i + WARM_UP + 1);
            gaps[i] = (now.path("at_millis").asDouble()
                            - updates.get(i + WARM_UP).path("at_millis").asDouble())
                    / 1000;
            credited += now.path("rollouts_with_credit").asDouble() / gaps.length;
            tokens += now.path("response_length_mean").asDouble() / gaps.length;
            staleness = Math.max(staleness, now.path("staleness_max").asDouble());
        }
        Arrays.sort(gaps);
        double seconds = Arrays.stream(gaps).sum();
        Map<String, Double> out = new LinkedHashMap<>();
        out.put("trained_rollouts_per_s", credited / gaps[gaps.length / 2]);
        out.put("trained_rollouts_per_s_mean", credited * gaps.length / seconds);
        out.put("response_length_mean", tokens);
        out.put("rollouts_with_credit", credited);
        out.put("staleness_max", staleness);
        return out;
    }

    /**
     * Tokens per second of the sampling phases, verification included, and of the engine alone on the same requests: short runs
     * and the engine by turns, the share of each pair.
     *
     * @param coldRuns runs between the first pair, of which only the share is told, and the others
     */
    private Map<String, Double> synchronous(RunManager runs, String name, String file, int coldRuns) throws Exception {
        EngineBench.Pair first;
        List<EngineBench.Pair> pairs = new ArrayList<>();
        try (GenerationEngine engine = new GenerationEngine(
                weights,
                0,
                null,
                new GenerationEngine.Settings(SLOTS, EngineBench.PROMPT + EngineBench.MOST_NEW, 4, false, precision))) {
            first = pair(runs, name + "-first", file, engine);
            for (int i = 0; i < coldRuns; i++) {
                follow(runs, name + "-cold-" + i, file);
            }
            for (int i = 0; i < SYNCHRONOUS_RUNS; i++) {
                pairs.add(pair(runs, name + "-" + i, file, engine));
            }
        }
        Map<String, Double> out = new LinkedHashMap<>();
        out.put(
                "sampling_tokens_per_s",
                EngineBench.median(pairs.stream().map(EngineBench.Pair::through).toList()));
        EngineBench.Pair.put(pairs, out);
        out.put("share_first_pair", first.share());
        return out;
    }

    /**
     * A run, then the engine alone on the same work: medians over the updates. It rests before each update's work for as long as it
     * did in the run: a core that slept runs slower at first.
     */
    private EngineBench.Pair pair(RunManager runs, String id, String file, GenerationEngine engine) throws Exception {
        follow(runs, id, file);
        List<JsonNode> updates = updates(runs, id);
        List<Double> phases = new ArrayList<>();
        List<Double> alone = new ArrayList<>();
        for (JsonNode update : updates.subList(WARM_UP_OF_A_RUN, updates.size())) {
            List<GenerationRequest> requests =
                    requests(runs, id, update.path("update").asLong());
            Thread.sleep(restMillis(update));
            alone.add(EngineBench.rate(engine, requests));
            phases.add(update.path("sampling_tokens_per_s").asDouble());
        }
        return new EngineBench.Pair(EngineBench.median(phases), EngineBench.median(alone));
    }

    /** How long the engine had nothing to do in this update of a synchronous run. */
    private static long restMillis(JsonNode update) {
        double sampling = update.path("sampled_tokens").asDouble()
                / update.path("sampling_tokens_per_s").asDouble();
        return Math.max(0, Math.round(1000 * (update.path("update_seconds").asDouble() - sampling)));
    }

    /** The requests of an update as the run made them: prompts from its completions, seeds from the run's tree. */
    private List<GenerationRequest> requests(RunManager runs, String run, long update) throws IOException {
        Path file = runs.homeOf(run).resolve("completions/update-%06d.jsonl".formatted(update));
        List<GenerationRequest> out = new ArrayList<>();
        for (String text : Files.readAllLines(file)) {
            JsonNode line = mapper.readTree(text);
            String[] id = line.path("rollout").asText().split("/g|/", -1);
            Seeds seed =
                    Seeds.of(SEED).split("train").split(Long.parseLong(id[1])).split(Long.parseLong(id[2]));
            out.add(GenerationRequest.plain(
                    line.path("rollout").asText(),
                    Dial.VOCABULARY.encode(line.path("prompt").asText()),
                    EngineBench.MOST_NEW,
                    seed.nonNegative()));
        }
        return out;
    }
}
