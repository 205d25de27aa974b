package io.foothold.orchestrator.runfile;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.loss.LossKind;
import io.foothold.core.loss.Losses;
import io.foothold.core.method.ChosenMethod;
import io.foothold.core.method.ResetSettings;
import io.foothold.core.settings.DistillationSettings;
import io.foothold.core.settings.GuidanceSettings;
import io.foothold.core.settings.LossSettings;
import io.foothold.core.settings.MiningSettings;
import io.foothold.core.settings.OptimizerSettings;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.core.settings.PromptSettings;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.settings.SamplingSettings;
import java.util.Set;
import java.util.function.UnaryOperator;

/** What settings must be together: each alone is checked where it is read. */
final class SettingsRules {
    /** Most rollouts that are under way at a time. */
    private static final long MOST_ROLLOUTS = 10_000_000;

    /** Most rollouts of one evaluation set, or of mining. */
    private static final long MOST_SAMPLES = 1_000_000_000;

    private final RunSettings settings;
    private final Set<String> evaluationSets;
    private final UnaryOperator<String> place;

    /**
     * Rules over settings.
     *
     * @param evaluationSets names in the order of the file
     * @param place where a key was given, as a message begins
     */
    SettingsRules(RunSettings settings, Set<String> evaluationSets, UnaryOperator<String> place) {
        this.settings = settings;
        this.evaluationSets = evaluationSets;
        this.place = place;
    }

    /**
     * Checks all of them, and what the methods ask for.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for the first that does not hold
     */
    void check() {
        if (settings.policy().base().isBlank()) {
            throw refused("policy.base", "'policy.base' is empty");
        }
        checkProblems();
        checkEstimator();
        checkLoss();
        checkMixture();
        checkDistillation();
        try {
            var unused = new ChosenMethod(settings);
        } catch (SettingsException e) {
            throw refused(e.key(), e.why());
        }
        checkSft();
        checkPrompts();
        checkThoughts();
        checkSizes();
    }

    private void checkProblems() {
        for (String at : RunFile.problemSources(evaluationSets)) {
            ProblemSettings.Source source = settings.problems().at(at);
            boolean jsonl = !source.jsonl().isEmpty();
            boolean hub = !source.hub().isEmpty();
            if (source.family().isEmpty() != (jsonl || hub)) {
                throw refused(
                        at + (jsonl ? ".jsonl" : hub ? ".hub" : ".family"),
                        "'" + at + "' needs either 'family' or 'jsonl', or 'hub'");
            }
            if (hub == source.recipe().isEmpty()) {
                throw refused(
                        at + (hub ? ".hub" : ".recipe"),
                        hub
                                ? "'" + at + ".hub' needs '" + at + ".recipe', which says what its rows are"
                                : "'" + at + ".recipe' is not used without '" + at + ".hub'");
            }
            if (!hub && !source.config().isEmpty()) {
                throw refused(at + ".config", "'" + at + ".config' is not used without '" + at + ".hub'");
            }
        }
        if (evaluationSets.isEmpty()) {
            throw refused("method", "'problems.evaluate' is missing: a run without evaluation shows nothing");
        }
    }

    /** Of n samples k are drawn without replacement. */
    private void checkEstimator() {
        if (!settings.estimator().drawsK()) {
            return;
        }
        ResetSettings own = settings.of(ResetSettings.class);
        ResetSettings.Split split = own.split();
        boolean resets = own.share() > 0;
        int smallest = resets ? split.suffixes() : settings.sampling().rolloutsPerGroup();
        if (resets && split.baseRollouts() > 0) {
            smallest = Math.min(smallest, split.baseRollouts());
        }
        if (settings.estimator().k() > smallest) {
            throw refused(
                    "estimator.k",
                    "'estimator.k' is " + settings.estimator().k() + ", groups have " + smallest + " rollouts ("
                            + (resets ? "resets.base_rollouts, resets.suffixes" : "sampling.rollouts_per_group")
                            + "): pass@k needs at least k");
        }
    }

    private void checkLoss() {
        LossSettings loss = settings.loss();
        OptimizerSettings.Steps steps = settings.optimizer().steps();
        boolean severalSteps = steps.epochs() > 1 || steps.groupsPerStep() > 0;
        boolean noRatio = !settings.lossRule(false).loss().hasRatio();
        boolean trainGiven = loss.ablations().trainGiven();
        // A mismatch rule corrects for older weights, not for steps that the update itself has made.
        boolean corrected = loss.mismatch().corrects();
        boolean offPolicy = severalSteps || (settings.general().staleness() > 0 && !corrected);
        if (noRatio && offPolicy && !loss.ablations().allowOffPolicy()) {
            throw refused(
                    "loss.name",
                    "a loss without a ratio is right for on-policy data and one step an update only; set loss.name, "
                            + (severalSteps ? "" : "loss.mismatch.rule: truncate or mask, ")
                            + "or loss.allow_off_policy: true to go on all the same");
        }
        int groups = settings.sampling().groupsPerUpdate();
        boolean oneStep = steps.epochs() == 1 && (steps.groupsPerStep() == 0 || steps.groupsPerStep() >= groups);
        LossKind<?> kind = Losses.kind(loss.name());
        if (kind.needsRatiosToMove() && oneStep && settings.general().staleness() == 0) {
            throw refused(
                    steps.groupsPerStep() > 0 ? "optimizer.groups_per_step" : "loss.name",
                    "loss.name: " + kind.name()
                            + " needs several steps an update: at the first one every ratio is 1 and it is a plain policy "
                            + "gradient; set optimizer.groups_per_step below sampling.groups_per_update, which is "
                            + groups
                            + ", or optimizer.epochs above 1");
        }
        if (corrected && trainGiven) {
            throw refused(
                    "loss.mismatch.rule",
                    "'loss.mismatch.rule' and 'loss.train_given' exclude each other (given tokens have no behaviour log-prob)");
        }
        if (trainGiven && !noRatio) {
            throw refused(
                    "loss.train_given",
                    "'loss.train_given' needs a loss without a ratio, such as loss.name: policy_gradient (given tokens have no behaviour "
                            + "log-prob)");
        }
        double dual = loss.clips().dualClip();
        if (dual > 0 && dual <= 1) {
            throw refused("loss.dual_clip", "'loss.dual_clip' must be above 1, or 0 for off, got " + dual);
        }
        OptimizerSettings.Schedule schedule = settings.optimizer().schedule();
        if (!schedule.schedule().equals("constant") && schedule.totalSteps() < 1) {
            throw refused(
                    "optimizer.schedule",
                    "a " + schedule.schedule() + " schedule needs 'optimizer.total_steps' of at least 1");
        }
    }

    private void checkMixture() {
        if (settings.searchesPrefixes() && settings.prompts().guided().isEmpty()) {
            throw settings.guided()
                    ? refused(
                            "mixture.guided",
                            "a mixture with guided start states needs 'prompts.guided', or guidance.form: prefill")
                    : refused(
                            "sft.from",
                            "'sft.from: guided_traces' needs 'prompts.guided', or guidance.form: prefill: the policy answers behind it");
        }
        if (settings.prefills() && !settings.prompting().guided().isEmpty()) {
            throw refused(
                    "prompts.guided",
                    "'prompts.guided' is not used with guidance.form: prefill, which puts the prefix behind 'prompts.root'");
        }
        GuidanceSettings guidance = settings.guidance();
        if (guidance.adapts() && !settings.guided()) {
            String key = guidance.withdrawAfter() > 0 ? "guidance.withdraw_after" : "guidance.adapt";
            throw refused(key, "'" + key + "' needs 'mixture.guided' above 0: starts with a prefix");
        }
        if (settings.mixture().guided() + settings.mixture().root() <= 0) {
            throw refused("mixture.root", "'mixture.root' and 'mixture.guided' are both 0: one must be above 0");
        }
    }

    private void checkDistillation() {
        DistillationSettings own = settings.distillation();
        boolean teaches = own.distillation().teaches();
        if (!teaches && (!own.prompt().isEmpty() || own.rewards() != 1)) {
            String unused = own.prompt().isEmpty() ? "distillation.rewards" : "distillation.prompt";
            throw refused(unused, "'" + unused + "' needs 'distillation.weight' above 0");
        }
        if (!teaches) {
            return;
        }
        if (!own.prompt().contains("{problem}") || !own.prompt().contains("{solution}")) {
            throw refused(
                    "distillation.weight",
                    "'distillation.weight' needs 'distillation.prompt' with {problem} and {solution}");
        }
        if (settings.lossRule(false).loss().hasRatio()
                || settings.loss().mismatch().corrects()
                || settings.loss().ablations().trainGiven()) {
            throw refused(
                    "distillation.weight",
                    "'distillation.weight' needs a loss without a ratio, such as loss.name: policy_gradient, and neither loss.mismatch.rule "
                            + "nor loss.train_given: each token has a credit of its own");
        }
    }

    private void checkSft() {
        if (settings.general().updates() == 0 && !settings.sft().asked()) {
            throw refused("updates", "'updates: 0' trains nothing: it needs 'sft.epochs' of at least 1");
        }
        if (settings.sft().asked() && settings.optimizer().lora().trained()) {
            throw refused("sft.epochs", "'sft' trains all weights: it cannot be had with 'optimizer.lora'");
        }
    }

    private void checkPrompts() {
        PromptSettings prompts = settings.prompting();
        if (!prompts.chat()) {
            if (!prompts.system().isEmpty() || !prompts.chatOptions().isEmpty()) {
                throw refused(
                        prompts.system().isEmpty() ? "prompts.chat_options" : "prompts.system",
                        "'prompts.system' and 'prompts.chat_options' need prompts.chat: true");
            }
            if (!prompts.turns().isEmpty()) {
                throw refused(
                        "prompts.turns.1.user",
                        "'prompts.turns' needs prompts.chat: true (without it, write earlier turns into 'prompts.root')");
            }
        }
        for (String option : prompts.chatOptions()) {
            int equals = option.indexOf('=');
            if (equals < 1 || !option.substring(0, equals).strip().matches("\\w+")) {
                throw refused(
                        "prompts.chat_options",
                        "'prompts.chat_options' needs NAME=VALUE with commas between them, got '"
                                + SettingsException.shown(option) + "'");
            }
        }
    }

    private void checkThoughts() {
        SamplingSettings sampling = settings.sampling();
        if (withoutThoughts() && (sampling.maxThoughtTokens() > 0 || sampling.maxThoughts() > 0)) {
            String limit = sampling.maxThoughtTokens() > 0 ? "sampling.max_thought_tokens" : "sampling.max_thoughts";
            throw refused(limit, "'" + limit + "' needs 'prompts.thought_delimiter'");
        }
    }

    private boolean withoutThoughts() {
        return settings.prompting().thoughtDelimiter().isEmpty();
    }

    /** Sizes that are fine one by one and too large together. */
    private void checkSizes() {
        SamplingSettings sampling = settings.sampling();
        MiningSettings mining = settings.mining();
        long window = (settings.general().staleness() + 1) * sampling.groupsPerUpdate();
        atMost(
                "sampling.groups_per_update",
                "(staleness + 1) * sampling.groups_per_update * sampling.rollouts_per_group, the rollouts under way,",
                window * sampling.rolloutsPerGroup(),
                MOST_ROLLOUTS);
        mined("mining.samples", mining.samples());
        mined("mining.second_samples", mining.secondSamples());
        if (mining.secondSamples() > 0 && mining.samples() == 0) {
            throw refused("mining.second_samples", "'mining.second_samples' needs 'mining.samples' of at least 1");
        }
        for (String set : evaluationSets) {
            String at = "problems.evaluate." + set;
            atMost(
                    at + ".count",
                    "evaluation.samples * " + at + ".count",
                    (long) settings.evaluation().samples()
                            * settings.problems().at(at).count(),
                    MOST_SAMPLES);
        }
    }

    private void mined(String key, long samples) {
        atMost(
                key,
                key + " * problems.train.count",
                samples * settings.problems().train().count(),
                MOST_SAMPLES);
    }

    /** Factors are in their ranges by now, so that no product here overflows 64 bits. */
    private void atMost(String key, String what, long value, long most) {
        if (value > most) {
            throw refused(key, what + " must be at most " + most + ", is " + value);
        }
    }

    private FootholdException refused(String key, String why) {
        return new FootholdException(ErrorCode.INVALID_INPUT, place.apply(key) + ": " + why);
    }
}
