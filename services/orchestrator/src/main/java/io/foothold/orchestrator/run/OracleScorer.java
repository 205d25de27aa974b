package io.foothold.orchestrator.run;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.orchestrator.remote.Learner;
import io.foothold.orchestrator.remote.Services;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How likely the policy is to write the oracle's solutions by itself: their log-prob by teacher forcing, each behind the unguided prompt of
 * its problem, at the temperature of training. It moves long before an unguided sample passes, and so shows whether what is learned from
 * guided prompts carries over. Owned by one thread.
 */
final class OracleScorer {
    /** Bounds of one call, which has to be answered in the time of any other. */
    private static final int MOST_SOLUTIONS = 8;

    private static final int MOST_TOKENS = 4096;

    /**
     * What was found on a set.
     *
     * @param json means over the problems, in nats
     * @param lines one a problem, with tokens and log-probs
     */
    record Result(ObjectNode json, List<ObjectNode> lines) {
        /** The numbers alone, by name. */
        Map<String, Double> numbers() {
            Map<String, Double> out = new HashMap<>();
            for (String name : List.of("log_prob", "log_prob_per_token", "probability")) {
                if (json.has(name)) {
                    out.put(name, json.get(name).asDouble());
                }
            }
            return out;
        }
    }

    /** A problem's prompt and solution in tokens; without them, why there are none. */
    record Encoded(String id, Learner.Solution tokens, String problem) {
        int length() {
            return tokens.promptTokenIds().size() + tokens.tokenIds().size();
        }
    }

    /** Scores solutions under the weights of a policy version, in their order. */
    interface Scoring {
        Learner.Scores score(long policyVersion, List<Learner.Solution> solutions);
    }

    private final RunSpec spec;
    private final Services services;
    private final Scoring learner;
    private final ObjectMapper mapper = new ObjectMapper();
    private final Map<String, List<Encoded>> encoded = new HashMap<>();

    /**
     * A scorer that knows nothing yet.
     *
     * @param learner scores solutions
     */
    OracleScorer(RunSpec spec, Services services, Scoring learner) {
        this.spec = spec;
        this.services = services;
        this.learner = learner;
    }

    /**
     * Scores the first problems of a set that have an oracle solution; empty when none has, or nothing is to be scored.
     *
     * @param set the problems' key, always the same ones under one key
     * @param policyVersion the version that the learner has
     */
    Optional<Result> score(String set, List<Problem> problems, long policyVersion) {
        List<Encoded> all = encoded.computeIfAbsent(set, k -> encode(problems));
        if (all.isEmpty()) {
            return Optional.empty();
        }
        Sums sums = new Sums();
        List<ObjectNode> lines = new ArrayList<>();
        double temperature = 0;
        for (List<Encoded> part : parts(all)) {
            services.checkStopped();
            Learner.Scores scores = learner.score(
                    policyVersion, part.stream().map(Encoded::tokens).toList());
            temperature = scores.temperature();
            for (int i = 0; i < part.size(); i++) {
                Learner.Score score = scores.scores().get(i);
                sums.add(part.get(i).id(), score);
                lines.add(line(part.get(i), score));
            }
        }
        for (Encoded e : all) {
            if (!e.problem().isEmpty()) {
                sums.failed(e.id(), e.problem());
            }
        }
        ObjectNode json = mapper.createObjectNode();
        json.put("policy_version", policyVersion).put("temperature", temperature);
        sums.putInto(json);
        return Optional.of(new Result(json, lines));
    }

    /** Means over solutions, and over tokens. A solution's log-prob is that of its tokens and of the end behind them. */
    private static final class Sums {
        private long problems;
        private long tokens;
        private double logProb;
        private double probability;
        private long failed;
        private String why = "";

        void add(String id, Learner.Score score) {
            if (!score.problem().isEmpty()) {
                failed(id, score.problem());
                return;
            }
            double whole = whole(score);
            problems++;
            tokens += tokens(score);
            logProb += whole;
            probability += Math.exp(whole);
        }

        void failed(String id, String problem) {
            if (failed++ == 0) {
                why = "problem '" + id + "': " + problem;
            }
        }

        void putInto(ObjectNode json) {
            json.put("problems", problems).put("tokens", tokens);
            if (problems > 0) {
                json.put("log_prob", logProb / problems)
                        .put("log_prob_per_token", logProb / tokens)
                        .put("probability", probability / problems);
            }
            if (failed > 0) {
                json.put("not_scored", failed).put("not_scored_first", why);
            }
        }
    }

    private static double whole(Learner.Score score) {
        return score.logProbs().stream().mapToDouble(Float::doubleValue).sum() + score.endLogProb();
    }

    /** The end counts as a token unless the solution has it itself. */
    private static int tokens(Learner.Score score) {
        return score.logProbs().size() + (score.endLogProb() == 0 ? 0 : 1);
    }

    private ObjectNode line(Encoded e, Learner.Score score) {
        ObjectNode line = mapper.createObjectNode();
        line.put("problem", e.id());
        e.tokens().promptTokenIds().forEach(line.putArray("prompt_token_ids")::add);
        e.tokens().tokenIds().forEach(line.putArray("solution_token_ids")::add);
        if (score.problem().isEmpty()) {
            score.logProbs().forEach(line.putArray("log_probs")::add);
            line.put("end_log_prob", score.endLogProb()).put("log_prob", whole(score));
        } else {
            line.put("not_scored", score.problem());
        }
        return line;
    }

    private static List<List<Encoded>> parts(List<Encoded> all) {
        List<List<Encoded>> out = new ArrayList<>();
        int tokens = 0;
        for (Encoded e : all) {
            if (!e.problem().isEmpty()) {
                continue;
            }
            if (out.isEmpty()
                    || tokens + e.length() > MOST_TOKENS
                    || out.getLast().size() == MOST_SOLUTIONS) {
                out.add(new ArrayList<>());
                tokens = 0;
            }
            out.getLast().add(e);
            tokens += e.length();
        }
        return out;
    }

    private List<Encoded> encode(List<Problem> problems) {
        List<Problem> some = problems.stream()
                .filter(p -> !p.oracleThoughts().isEmpty())
                .limit(spec.oracleProblems())
                .toList();
        List<List<Integer>> prompts = PromptFit.tokens(
                spec,
                services,
                some.stream().map(p -> spec.prompts().root(p.statement())).toList());
        List<List<Integer>> whole = PromptFit.tokens(
                spec,
                services,
                some.stream()
                        .map(p -> spec.settings().answered(p.statement(), solution(p)))
                        .toList());
        List<Encoded> out = new ArrayList<>();
        for (int i = 0; i < some.size(); i++) {
            out.add(encoded(some.get(i).id(), prompts.get(i), whole.get(i)));
        }
        return out;
    }

    /** All of it: thoughts, and the text that a response has to end with where they do not hold it. */
    static String solution(Problem problem) {
        String thoughts = String.join("", problem.oracleThoughts());
        return problem.kind() == ProblemKind.EXACT && !thoughts.endsWith(problem.answer())
                ? thoughts + problem.answer()
                : thoughts;
    }

    /** What the prompt's tokens are continued by. A tokenizer may draw both into one token, which no rollout has. */
    static Encoded encoded(String id, List<Integer> prompt, List<Integer> whole) {
        boolean continued =
                whole.size() > prompt.size() && whole.subList(0, prompt.size()).equals(prompt);
        return continued
                ? new Encoded(id, new Learner.Solution(prompt, whole.subList(prompt.size(), whole.size())), "")
                : new Encoded(
                        id,
                        new Learner.Solution(List.of(), List.of()),
                        "the tokens of its prompt are not those that its prompt with its solution begins with: the tokenizer "
                                + "joins the two, end the prompt with a special token or a line break");
    }
}
