package io.foothold.orchestrator.run;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.orchestrator.rollout.SampledRollout;
import java.util.List;
import java.util.Locale;

/** What completions keep of how a rollout was sampled, token by token. */
final class SampledFields {
    /** Decimals of a log-prob: people look at them, the ledger has the exact ones until the update is in a checkpoint. */
    private static final double PLACES = 1e4;

    private SampledFields() {}

    /**
     * Puts them into a line of completions: why it ended ({@code finish}), where thoughts end in the response ({@code thought_ends}, Unicode
     * code points), tokens that were given ({@code given_tokens}) and where their text ends ({@code given_text_end}, where that is the end
     * of a thought), the log-prob of each sampled token ({@code log_probs}, nats), and the policy versions that sampled them, each with for
     * how many tokens ({@code policy_versions}).
     */
    static void put(ObjectNode line, SampledRollout r) {
        line.put("finish", r.tokens().finish().name().toLowerCase(Locale.ROOT));
        ArrayNode ends = line.putArray("thought_ends");
        r.response().thoughtTextEnds().forEach(ends::add);
        int given = r.prefixTokenIds().size();
        if (given > 0) {
            line.put("given_tokens", given);
            int at = r.response().thoughtEnds().indexOf(given);
            if (at >= 0) {
                line.put("given_text_end", r.response().thoughtTextEnds().get(at));
            }
        }
        ArrayNode logProbs = line.putArray("log_probs");
        r.tokens().logProbs().forEach(p -> logProbs.add(Math.round(p * PLACES) / PLACES));
        ArrayNode versions = line.putArray("policy_versions");
        List<Long> by = r.tokens().policyVersions();
        for (int from = 0, to; from < by.size(); from = to) {
            to = from + 1;
            while (to < by.size() && by.get(to).equals(by.get(from))) {
                to++;
            }
            versions.addArray().add(by.get(from)).add(to - from);
        }
    }
}
