package io.foothold.learner.train;

import io.foothold.core.loss.ImportanceStatistics;
import io.foothold.core.loss.LossRule;
import io.foothold.policy.Trainer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import org.jspecify.annotations.Nullable;

/** Means and norms of one update, under the names that the field uses. */
final class UpdateStatistics {
    private final Map<String, Double> metrics = new LinkedHashMap<>();
    private final long version;
    private int groupsWithSignal;
    private double largestDifference;
    private double differenceSum;
    private double differenceKl;
    /** |log-prob of the learner - of the sampler| of every token that was compared. */
    private final DoubleStream.Builder differences = DoubleStream.builder();

    private double entropySum;
    private double klSum;
    private long scored;
    private long clipped;
    private long ratioTokens;
    private long compared;
    private double lossSum;
    private double normSum;
    private int steps;
    private int skipped;

    /**
     * Of an update.
     *
     * @param maskTruncated whether rollouts that the limit of tokens cut off have no credit
     */
    UpdateStatistics(List<TrainGroup> groups, double[] advantages, long version, boolean maskTruncated) {
        this.version = version;
        int at = 0;
        int rollouts = 0;
        double reward = 0;
        long tokens = 0;
        long lengths = 0;
        long longest = 0;
        int truncated = 0;
        int trained = 0;
        long oldest = version;
        double lag = 0;
        for (TrainGroup g : groups) {
            boolean signal = false;
            for (TrainGroup.Member m : g.members()) {
                boolean credited = advantages[at++] != 0 && m.sampled().length > 0 && !(maskTruncated && m.truncated());
                signal |= credited;
                trained += credited ? 1 : 0;
                rollouts++;
                reward += m.reward();
                lengths += m.sampled().length;
                longest = Math.max(longest, m.sampled().length);
                truncated += m.truncated() ? 1 : 0;
                if (m.nobodys()) {
                    continue;
                }
                tokens += m.sampled().length;
                for (long v : m.versions()) {
                    oldest = Math.min(oldest, v);
                    lag += version - v;
                }
            }
            groupsWithSignal += signal ? 1 : 0;
        }
        metrics.put("reward_mean", reward / rollouts);
        metrics.put("rollouts_with_credit", (double) trained);
        metrics.put("response_length_mean", (double) lengths / rollouts);
        metrics.put("response_length_max", (double) longest);
        metrics.put("truncated_share", (double) truncated / rollouts);
        metrics.put("groups_without_signal", (double) groups.size() - groupsWithSignal);
        metrics.put("staleness_max", (double) version - oldest);
        metrics.put("staleness_mean", tokens == 0 ? 0 : lag / tokens);
        metrics.put("sampled_tokens", (double) tokens);
    }

    int groupsWithSignal() {
        return groupsWithSignal;
    }

    double largestDifference() {
        return largestDifference;
    }

    /**
     * Compares behaviour and learner on rollouts that the learner's own version sampled from their first token on. A rollout
     * that met a weight change in flight goes on with keys and values of the older version: its later tokens are the newer
     * version's, yet no forward pass of one version gives their log-probs. Nor can one that was sampled under another prompt be
     * compared.
     */
    void compare(List<TrainGroup.Member> members, List<Trainer.Score> scores) {
        for (int i = 0; i < members.size(); i++) {
            TrainGroup.Member m = members.get(i);
            float[] now = scores.get(i).logProbs();
            boolean sameVersion = now.length > 0 && m.versions()[0] == version && !m.offPolicy();
            for (int t = 0; t < now.length; t++) {
                if (sameVersion) {
                    compared++;
                    double signed = now[t] - m.logProbs()[t];
                    double d = Math.abs(signed);
                    differences.add(d);
                    differenceSum += d;
                    differenceKl += Math.expm1(signed) - signed;
                    // NaN counts as the worst difference there is.
                    largestDifference = Double.isNaN(d) ? Double.MAX_VALUE : Math.max(largestDifference, d);
                }
                entropySum += scores.get(i).entropies()[t];
                scored++;
            }
        }
    }

    /** What the ratios of learner and sampler at the beginning of the update say. */
    void importance(ImportanceStatistics ratios) {
        metrics.put("importance_tokens", (double) ratios.tokens());
        metrics.put("importance_ess_token", ratios.tokenEffectiveSize());
        metrics.put("importance_ess_sequence", ratios.sequenceEffectiveSize());
        metrics.put("importance_ratio_max", ratios.largestRatio());
        metrics.put("importance_correction_mean", ratios.meanCorrection());
        metrics.put("importance_truncated_share", ratios.truncatedShare());
        metrics.put("importance_masked_share", ratios.maskedShare());
    }

    /**
     * Ratio and KL of tokens that a step uses.
     *
     * @param proximal log-probs that the ratio of each member is taken to
     */
    void ratios(
            List<TrainGroup.Member> members,
            List<Trainer.@Nullable Score> scores,
            List<float[]> proximal,
            LossRule rule) {
        for (int i = 0; i < members.size(); i++) {
            Trainer.Score score = scores.get(i);
            if (score == null || members.get(i).offPolicy()) {
                continue;
            }
            float[] behaviour = members.get(i).logProbs();
            for (int t = 0; t < behaviour.length; t++) {
                double d = score.logProbs()[t] - behaviour[t];
                klSum += Math.expm1(d) - d;
                double ratio = Math.exp(score.logProbs()[t] - proximal.get(i)[t]);
                clipped += rule.loss().isOutside(ratio) ? 1 : 0;
                ratioTokens++;
            }
        }
    }

    void stepped(double loss, double norm) {
        lossSum += loss;
        normSum += norm;
        steps++;
    }

    /** A step that was not taken: its gradient is not finite. */
    void skipped() {
        skipped++;
    }

    /** What the update was; asked once. */
    Map<String, Double> metrics() {
        if (scored > 0) {
            metrics.put("entropy", entropySum / scored);
        }
        metrics.put("tokens_compared", (double) compared);
        if (compared > 0) {
            metrics.put("log_prob_difference_max", largestDifference);
            metrics.put("log_prob_difference_mean", differenceSum / compared);
            metrics.put("log_prob_difference_p99", percentile99());
            metrics.put("log_prob_difference_k3", differenceKl / compared);
        }
        if (ratioTokens > 0) {
            metrics.put("kl_to_behaviour", klSum / ratioTokens);
            metrics.put("clip_fraction", (double) clipped / ratioTokens);
        }
        if (skipped > 0) {
            metrics.put("steps_skipped", (double) skipped);
        }
        if (steps > 0) {
            metrics.put("loss", lossSum / steps);
            metrics.put("gradient_norm", normSum / steps);
        }
        return metrics;
    }

    /** Nearest rank: the least difference that 99 of 100 tokens do not exceed. */
    private double percentile99() {
        double[] sorted = differences.build().sorted().toArray();
        return sorted[(int) Math.ceil(0.99 * sorted.length) - 1];
    }
}
