package io.foothold.orchestrator.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.event.Happening;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.remote.Learner;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.SampledRollout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.stream.Stream;

/**
 * Rejection sampling behind guidance: the base policy answers each problem behind the prefix that was searched for it, and what passes and ends by
 * itself is kept to be imitated, prefix and answer, behind the unguided prompt (a warm start that POPE is compared with, arXiv 2601.18779).
 * Sampled once a run; a run that goes on finds it in the ledger.
 */
final class GuidedTraces {
    private static final String STORED = "guided_traces";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final RunSpec spec;
    private final Services services;
    private final Ledger ledger;
    private final GroupRunner groups;
    private final RunLog log;
    private final Executor threads;

    GuidedTraces(RunSpec spec, Services services, Ledger ledger, GroupRunner groups, RunLog log, Executor threads) {
        this.spec = spec;
        this.services = services;
        this.ledger = ledger;
        this.groups = groups;
        this.log = log;
        this.threads = threads;
    }

    /** Whether the run imitates traces and has none yet. */
    boolean missing() {
        return spec.settings().sft().sampled()
                && ledger.preparation(spec.runId(), STORED).isEmpty();
    }

    /**
     * Samples them and keeps those that pass. Blocks.
     *
     * @param problems whose prefixes the ledger has
     * @param policy that answers
     * @throws FootholdException {@link ErrorCode#INVALID_DATA} when none passes
     */
    void sample(List<Problem> problems, PolicyVersion policy) {
        Map<String, Integer> prefixes = ledger.prefixes(spec.runId());
        List<List<Integer>> prompts = PromptFit.tokens(
                spec,
                services,
                problems.stream().map(p -> spec.prompts().root(p.statement())).toList());
        List<List<Integer>> begun = PromptFit.tokens(
                spec,
                services,
                problems.stream()
                        .map(p -> {
                            String prefix =
                                    String.join("", p.oracleThoughts().subList(0, prefixes.getOrDefault(p.id(), 0)));
                            return prefix.isEmpty()
                                    ? spec.prompts().root(p.statement())
                                    : spec.settings().answered(p.statement(), prefix);
                        })
                        .toList());
        List<CompletableFuture<List<Judged>>> answers = problems.stream()
                .map(p -> CompletableFuture.supplyAsync(
                        () -> answers(p, prefixes.getOrDefault(p.id(), 0), policy), threads))
                .toList();
        ArrayNode kept = MAPPER.createArrayNode();
        int solved = 0;
        long rollouts = 0;
        for (int i = 0; i < problems.size(); i++) {
            List<Judged> all = joined(answers.get(i));
            List<SampledRollout> passed = all.stream()
                    .filter(j -> j.passed() && j.finished())
                    .map(j -> Objects.requireNonNull(j.rollout()))
                    .toList();
            rollouts += all.size();
            solved += passed.isEmpty() ? 0 : 1;
            List<Integer> prefix = prefix(problems.get(i), prompts.get(i), begun.get(i));
            for (SampledRollout rollout : passed) {
                ObjectNode one = kept.addObject().put("problem", problems.get(i).id());
                prompts.get(i).forEach(one.putArray("prompt_token_ids")::add);
                ArrayNode solution = one.putArray("solution_token_ids");
                Stream.concat(prefix.stream(), rollout.tokens().ids().stream()).forEach(solution::add);
            }
        }
        log.event(new Happening.TracesAccepted(problems.size(), rollouts, kept.size(), solved));
        if (kept.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "sft.from: guided_traces: none of " + rollouts + " answers behind prefixes of " + problems.size()
                            + " solutions passed, there is nothing to imitate (more of sft.samples, or prefix_search.fallback: longest)");
        }
        Ledger.await(ledger.savePreparation(spec.runId(), STORED, kept.toString()));
    }

    /** What was kept: each behind the unguided prompt. */
    List<Learner.Solution> kept() {
        try {
            List<Learner.Solution> out = new ArrayList<>();
            for (JsonNode one :
                    MAPPER.readTree(ledger.preparation(spec.runId(), STORED).orElse("[]"))) {
                out.add(new Learner.Solution(ids(one.path("prompt_token_ids")), ids(one.path("solution_token_ids"))));
            }
            return out;
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INTERNAL, "traces that we wrote cannot be read", e);
        }
    }

    private static List<Integer> ids(JsonNode array) {
        List<Integer> out = new ArrayList<>();
        array.forEach(id -> out.add(id.asInt()));
        return out;
    }

    private List<Judged> answers(Problem p, int prefix, PolicyVersion policy) {
        PromptedStart start = prefix == 0
                ? new PromptedStart(new StartState.Root(p.id()), spec.prompts().root(p.statement()), p.maxTokens())
                : new PromptedStart(
                        new StartState.Guided(p.id(), prefix),
                        spec.prompts().guided(p.statement(), p.oracleThoughts(), prefix),
                        p.maxTokens());
        return groups.consume(
                "imitation",
                spec.runId() + "/imitation/" + p.id(),
                start,
                spec.trainSampling(),
                spec.settings().sft().samples(),
                spec.seeds("imitation").split(p.id()),
                policy);
    }

    private static List<Judged> joined(CompletableFuture<List<Judged>> answers) {
        try {
            return answers.join();
        } catch (RuntimeException e) {
            throw FootholdException.of(e);
        }
    }

    /** The prefix as tokens behind the prompt's. */
    private static List<Integer> prefix(Problem p, List<Integer> prompt, List<Integer> begun) {
        if (begun.equals(prompt)) {
            return List.of();
        }
        OracleScorer.Encoded encoded = OracleScorer.encoded(p.id(), prompt, begun);
        if (!encoded.problem().isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "sft: problem '" + p.id() + "': " + encoded.problem());
        }
        return encoded.tokens().tokenIds();
    }
}
