package io.foothold.orchestrator.run;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.remote.Patience;
import io.foothold.orchestrator.rollout.SampledRollout;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A rollout with its verdict, or the reason why there is none.
 *
 * @param rewards the run's several rewards by their names, in their order; empty where it has one, or nothing was judged
 * @param item whether the reason is the sampler's answer to this rollout; else its stream failed
 */
record Judged(
        String rolloutId,
        @Nullable SampledRollout rollout,
        @Nullable Verdict verdict,
        @Nullable FootholdException failure,
        boolean item,
        SequencedMap<String, Double> rewards) {
    /** Copies. */
    Judged {
        rewards = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(rewards));
    }

    Judged(
            String rolloutId,
            @Nullable SampledRollout rollout,
            @Nullable Verdict verdict,
            @Nullable FootholdException failure) {
        this(rolloutId, rollout, verdict, failure, false);
    }

    Judged(
            String rolloutId,
            @Nullable SampledRollout rollout,
            @Nullable Verdict verdict,
            @Nullable FootholdException failure,
            boolean item) {
        this(rolloutId, rollout, verdict, failure, item, new LinkedHashMap<>());
    }

    /** Whether a service lost it: the same one comes when it is asked for again. */
    boolean lost() {
        return item && failure != null && Patience.away(failure);
    }

    boolean judged() {
        return verdict != null && verdict.kind().judged();
    }

    boolean passed() {
        return verdict != null && verdict.kind() == Verdict.Kind.PASS;
    }

    String verdictName() {
        return verdict == null ? "" : verdict.kind().name();
    }

    boolean sampled() {
        return rollout != null;
    }

    /** Whether it was sampled and ended by itself, before its limit of tokens. */
    boolean finished() {
        return rollout != null && !rollout.truncated();
    }

    int tokens() {
        return rollout == null ? 0 : rollout.sampledTokens();
    }

    /** The policies that its tokens are stamped with, under the digest that was asked for; empty without tokens. */
    Set<PolicyVersion> sampledBy() {
        SampledRollout sampled = rollout;
        return sampled == null
                ? Set.of()
                : sampled.tokens().policyVersions().stream()
                        .map(v -> new PolicyVersion(v, sampled.tokens().policyDigest()))
                        .collect(Collectors.toSet());
    }
}
