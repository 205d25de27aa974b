package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.OraclePrefix;
import io.foothold.core.problem.Problem;
import io.foothold.core.search.PrefixSearch;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.update.ServerState;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * Has every prompt of a run encoded before anything is sampled, and refuses those that do not fit the inference servers with what may
 * be answered to them. A prompt that is found when its group is drawn ends a run that has cost hours.
 */
final class PromptFit {
    private static final int SHOWN = 5;
    /** Bounds of one request: a set is encoded in parts that no server or message is too small for. */
    private static final int MOST_PROMPTS = 256;

    private static final int MOST_BYTES = 1 << 20;

    /** A prompt and whose it is. */
    private record Asked(String id, String prompt, int limit) {}

    private final RunSpec spec;
    private final Services services;

    PromptFit(RunSpec spec, Services services) {
        this.spec = spec;
        this.services = services;
    }

    /**
     * Checks the root prompts of a problem set.
     *
     * @throws FootholdException INVALID_DATA with the first problems whose prompts do not fit
     */
    void roots(String set, List<Problem> problems) {
        Sampling sampling = set.equals(ProblemChecks.TRAIN) ? spec.trainSampling() : spec.evaluationSampling();
        check(
                set,
                "prompts",
                problems.stream()
                        .map(p -> new Asked(p.id(), spec.prompts().root(p.statement()), sampling.limit(p.maxTokens())))
                        .toList());
    }

    /**
     * Checks the guided prompts of the training problems: with the prefix that was found, or the longest that a search can ask for.
     *
     * @param found lengths in thoughts by problem
     * @throws FootholdException INVALID_DATA with the first problems whose prompts do not fit
     */
    void guided(String set, List<Problem> problems, Map<String, Integer> found) {
        PrefixSearch.Mode mode = spec.settings().prefixSearch().mode();
        List<Asked> asked = new ArrayList<>();
        for (Problem p : problems) {
            List<String> thoughts = p.oracleThoughts();
            Integer known = found.get(p.id());
            int length = known != null
                    ? known
                    : PrefixSearch.longestAsked(mode, thoughts.size(), OraclePrefix.longest(thoughts, p.answer()));
            if (length > 0 && length <= thoughts.size()) {
                asked.add(new Asked(
                        p.id(),
                        spec.prompts().guided(p.statement(), thoughts, length),
                        spec.trainSampling().limit(p.maxTokens())));
            }
        }
        check(set, "guided prompts", asked);
    }

    /**
     * Checks the prompts under which the policy teaches itself, with the answers that are taught behind them.
     *
     * @throws FootholdException INVALID_DATA with the first problems whose prompts do not fit
     */
    void taught(String set, List<Problem> problems) {
        check(
                set,
                "teacher's prompts",
                problems.stream()
                        .map(p -> new Asked(
                                p.id(),
                                TeacherPrompts.text(spec, p),
                                spec.trainSampling().limit(p.maxTokens())))
                        .toList());
    }

    private void check(String set, String what, List<Asked> prompts) {
        OptionalInt longest = services.sampler().servers().stream()
                .filter(server -> server.healthy() && !server.frozen() && server.maxModelLength() > 0)
                .mapToInt(ServerState::maxModelLength)
                .min();
        if (longest.isEmpty()) {
            return;
        }
        int most = longest.getAsInt();
        List<String> wrong = new ArrayList<>();
        int wrongCount = 0;
        int at = 0;
        for (List<String> part : parts(prompts.stream().map(Asked::prompt).toList())) {
            List<Integer> tokens = services.sampler().countTokens(part, spec.trainSampling());
            for (int i = 0; i < tokens.size(); i++) {
                Asked asked = prompts.get(at + i);
                if ((long) tokens.get(i) + asked.limit() > most) {
                    wrongCount++;
                    if (wrong.size() < SHOWN) {
                        wrong.add("problem '" + asked.id() + "' with " + tokens.get(i) + " tokens and " + asked.limit()
                                + " to answer");
                    }
                }
            }
            at += part.size();
        }
        if (wrongCount > 0) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    set + ": " + wrongCount + " of " + prompts.size() + " " + what + " do not fit the " + most
                            + " tokens that the inference servers take: " + String.join("; ", wrong)
                            + (wrongCount > SHOWN ? "; …" : "")
                            + " (leave them out, lower max_tokens, or serve longer sequences with --max-length or"
                            + " foothold.policy-server.max-length)");
        }
    }

    /** The tokens of each of these prompts, as answers to them are sampled. Blocks. */
    static List<List<Integer>> tokens(RunSpec spec, Services services, List<String> prompts) {
        List<List<Integer>> out = new ArrayList<>();
        parts(prompts).forEach(part -> out.addAll(services.sampler().tokens(part, spec.answering())));
        return out;
    }

    /** Prompts in parts that go into one request each, in order. */
    private static List<List<String>> parts(List<String> prompts) {
        List<List<String>> out = new ArrayList<>();
        long bytes = 0;
        for (String prompt : prompts) {
            int more = prompt.getBytes(StandardCharsets.UTF_8).length;
            if (out.isEmpty() || bytes + more > MOST_BYTES || out.getLast().size() == MOST_PROMPTS) {
                out.add(new ArrayList<>());
                bytes = 0;
            }
            out.getLast().add(prompt);
            bytes += more;
        }
        return out;
    }
}
