package io.foothold.orchestrator.rollout;

import io.foothold.core.policy.PolicyVersion;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * One continuation from a start state, as it was sampled. Its lists, and those of its parts, are kept as they came and not copied, as a
 * rollout may have thousands of tokens: nobody may change them.
 *
 * @param id unique in its run
 * @param groupId of the group that it is compared in
 * @param promptTokenIds never trained
 * @param prefixTokenIds given tokens of the response (resets), never trained
 * @param tokens what was sampled
 * @param response what it reads
 */
public record SampledRollout(
        String id,
        String groupId,
        List<Integer> promptTokenIds,
        List<Integer> prefixTokenIds,
        Tokens tokens,
        Response response) {

    /**
     * Sampled tokens; the first three lists have one entry each.
     *
     * @param ids of the vocabulary
     * @param logProbs natural log of the probability with which each was drawn (behaviour log-prob)
     * @param policyVersions the version that sampled each
     * @param policyDigest of the policy that sampled all of them, where one was asked for by name; else empty
     * @param finish why there are no more
     */
    public record Tokens(
            List<Integer> ids,
            List<Float> logProbs,
            List<Long> policyVersions,
            String policyDigest,
            FinishReason finish) {}

    /**
     * The response: given and sampled tokens.
     *
     * @param text decoded
     * @param thoughtEnds exclusive end of each thought, as an index into given and sampled tokens together
     * @param thoughtTextEnds the same in {@code text}, in Unicode code points
     * @param opensInThought whether the prompt ended inside a thought that its template opened, so that the text begins inside it
     */
    public record Response(
            String text, List<Integer> thoughtEnds, List<Integer> thoughtTextEnds, boolean opensInThought) {}

    /** How many tokens were sampled. */
    public int sampledTokens() {
        return tokens.ids().size();
    }

    /** Whether nobody sampled it: an oracle's solution among a group's members. */
    public boolean given() {
        return !tokens.policyVersions().isEmpty() && tokens.policyVersions().getFirst() == PolicyVersion.NOBODY;
    }

    /** Whether the limit of tokens ended it. */
    public boolean truncated() {
        return tokens.finish() == FinishReason.LENGTH;
    }

    /** Given and sampled tokens. */
    public List<Integer> responseTokenIds() {
        List<Integer> out = new ArrayList<>(prefixTokenIds.size() + tokens.ids().size());
        out.addAll(prefixTokenIds);
        out.addAll(tokens.ids());
        return out;
    }

    /** The decoded thoughts; text behind the last one is none. */
    public List<String> thoughts() {
        String text = response.text();
        List<Integer> ends = response.thoughtTextEnds();
        return IntStream.range(0, ends.size())
                .mapToObj(i -> text.substring(
                        i == 0 ? 0 : text.offsetByCodePoints(0, ends.get(i - 1)),
                        text.offsetByCodePoints(0, ends.get(i))))
                .toList();
    }
}
