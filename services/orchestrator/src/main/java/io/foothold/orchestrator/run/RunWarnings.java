package io.foothold.orchestrator.run;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.settings.WarningSettings;
import io.foothold.core.verdict.RewardRule;
import io.foothold.orchestrator.runfile.RunFile;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * Rules over an update's metrics that tell of a run going wrong without ending it. A rule speaks when it begins to be broken, and again
 * only after it was kept in between. Owned by one thread.
 */
final class RunWarnings {
    /** Updates whose mean share of finished responses is looked at: one update alone may be a few rollouts. */
    private static final int FINISHED_UPDATES = 3;

    /** The rules. */
    enum Rule {
        /** Effective sample size of the rollouts' ratios of learner and sampler. */
        EFFECTIVE_SAMPLE_SIZE("warnings.min_effective_sample_size", WarningSettings::minEffectiveSampleSize),
        /** KL estimate k3 of sampler and learner, on tokens of the learner's own version. */
        LOG_PROB_KL("warnings.max_log_prob_kl", WarningSettings::maxLogProbKl),
        /** Share of responses that ended by themselves, against the best so far. */
        FINISHED("warnings.max_finished_drop", WarningSettings::maxFinishedDrop);

        private final String key;
        private final ToDoubleFunction<WarningSettings> bound;

        Rule(String key, ToDoubleFunction<WarningSettings> bound) {
            this.key = key;
            this.bound = bound;
        }

        /** Its name in events, in lower snake case. */
        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * A rule that is broken.
     *
     * @param rule which
     * @param what says value, bound and remedy
     */
    record Warning(Rule rule, String what) {}

    private final RunSettings settings;
    private final Set<Rule> broken = EnumSet.noneOf(Rule.class);
    private final Deque<Double> finished = new ArrayDeque<>();
    private double bestFinished = -1;

    /** The rules of a run; a bound of 0 is off. */
    RunWarnings(RunFile file) {
        this.settings = file.settings();
    }

    /** Takes up what an earlier process saw and told: the numbers of its updates, in order. */
    void restore(List<JsonNode> updates) {
        for (JsonNode update : updates) {
            Map<String, Double> metrics = new HashMap<>();
            update.properties().forEach(e -> {
                if (e.getValue().isNumber()) {
                    metrics.put(e.getKey(), e.getValue().asDouble());
                }
            });
            var unused = after(metrics);
        }
    }

    /** What begins to be broken with an update that has these metrics. */
    List<Warning> after(Map<String, Double> metrics) {
        List<Warning> out = new ArrayList<>();
        for (Rule rule : Rule.values()) {
            double bound = rule.bound.applyAsDouble(settings.warnings());
            Optional<String> what =
                    switch (rule) {
                        case EFFECTIVE_SAMPLE_SIZE -> effective(metrics.get("importance_ess_sequence"), bound);
                        case LOG_PROB_KL -> kl(metrics.get("log_prob_difference_k3"), bound);
                        case FINISHED -> finished(metrics.get("truncated_share"), bound);
                    };
            if (what.isEmpty() || bound == 0) {
                broken.remove(rule);
            } else if (broken.add(rule)) {
                out.add(new Warning(rule, what.get() + " (" + rule.key + ")"));
            }
        }
        return out;
    }

    private Optional<String> effective(@Nullable Double size, double bound) {
        return size == null || size >= bound
                ? Optional.empty()
                : Optional.of(text(
                        "the ratios of learner and sampler leave an effective sample size of %.3f of the rollouts, below %.3f: a few "
                                + "rollouts would make the whole gradient; lower staleness, or look at loss.mismatch",
                        size, bound));
    }

    private Optional<String> kl(@Nullable Double kl, double bound) {
        return kl == null || kl <= bound
                ? Optional.empty()
                : Optional.of(text(
                        "sampler and learner differ by a KL of %.2e nats a token, above %.2e: set loss.mismatch.rule: truncate, or make "
                                + "them compute alike",
                        kl, bound));
    }

    private Optional<String> finished(@Nullable Double truncated, double bound) {
        if (truncated == null) {
            return Optional.empty();
        }
        finished.addLast(1 - truncated);
        if (finished.size() > FINISHED_UPDATES) {
            finished.removeFirst();
        }
        if (finished.size() < FINISHED_UPDATES) {
            return Optional.empty();
        }
        double now =
                finished.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
        bestFinished = Math.max(bestFinished, now);
        return bestFinished - now <= bound
                ? Optional.empty()
                : Optional.of(text(
                        "%.0f %% of the responses of the last " + FINISHED_UPDATES
                                + " updates ended before their limit, after %.0f %% before"
                                + (settings.general().reward() == RewardRule.CORRECT_AND_FINISHED
                                        ? ": raise sampling.max_tokens, or lower the learning rate"
                                        : ": nothing asks the policy to end; set reward: correct_and_finished"),
                        100 * now,
                        100 * bestFinished));
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
