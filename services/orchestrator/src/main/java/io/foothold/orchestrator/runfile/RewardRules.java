package io.foothold.orchestrator.runfile;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.names.Name;
import io.foothold.contracts.names.WebAddress;
import io.foothold.core.keys.SettingsException;
import io.foothold.core.method.ChosenMethod;
import io.foothold.core.settings.JudgeSettings;
import io.foothold.core.settings.RewardFunctionSettings;
import io.foothold.core.settings.RewardModelSettings;
import io.foothold.core.settings.RewardSettings;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.settings.ScorerSettings;
import io.foothold.core.settings.VerificationSettings;
import io.foothold.core.verdict.RewardRule;
import io.foothold.core.verdict.RewardShaping;
import io.foothold.core.verdict.RewardTable;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** What settings of rewards must be together. */
final class RewardRules {
    private final RunSettings settings;
    private final List<RewardSettings> rewards;
    private final UnaryOperator<String> place;

    /**
     * Rules over settings.
     *
     * @param place where a key was given, as a message begins
     */
    RewardRules(RunSettings settings, UnaryOperator<String> place) {
        this.settings = settings;
        this.rewards = settings.verification().rewards();
        this.place = place;
    }

    /**
     * Checks all of them.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for the first that does not hold
     */
    void check() {
        checkRule();
        VerificationSettings own = settings.verification();
        checkScorers("verification.", own.function(), own.judge(), own.rewardModel());
        if (own.judgeBudget() > 0 && own.scorers().values().stream().noneMatch(ScorerSettings::asksServer)) {
            throw refused(
                    "verification.judge_budget",
                    "'verification.judge_budget' is not used without a judge or a reward model");
        }
        for (int i = 0; i < rewards.size(); i++) {
            RewardSettings reward = rewards.get(i);
            checkScorers(key(i, ""), reward.function(), reward.judge(), reward.rewardModel());
        }
        checkDrawn();
        checkSeveral();
        checkDecoupled();
    }

    /** Of k draws it matters whether one is right: what counts them needs rewards that say right or wrong. */
    private void checkDrawn() {
        if (!settings.estimator().drawsK()) {
            return;
        }
        RewardRule rule = settings.general().reward();
        String others =
                switch (rule) {
                    case SUCCESS, SCORE, TABLE ->
                        "those of 'reward: " + rule.name().toLowerCase(Locale.ROOT)
                                + "' may be others (expected reward: correct, correct_and_finished or random)";
                    case CORRECT, CORRECT_AND_FINISHED, RANDOM ->
                        !rewards.isEmpty()
                                ? "with 'verification.rewards' they are sums"
                                : new ChosenMethod(settings).comparesOwnRewards()
                                        ? ""
                                        : "here the method or 'reward_shaping' makes others of them";
                };
        if (!others.isEmpty()) {
            throw refused(
                    "estimator.name",
                    "'estimator.name: " + settings.estimator().name() + "' needs rewards of 0 or 1, and " + others);
        }
    }

    /** What normalises rewards apart needs several, and each as it was given. */
    private void checkDecoupled() {
        if (!settings.estimator().decouples()) {
            return;
        }
        String name = "'estimator.name: " + settings.estimator().name() + "'";
        if (rewards.size() < 2) {
            throw refused(
                    "estimator.name",
                    name
                            + " normalises several rewards apart and needs 'verification.rewards' with two or more: with one reward it is "
                            + "'estimator.name: mean_std'");
        }
        if (!new ChosenMethod(settings).comparesOwnRewards()) {
            throw refused(
                    "estimator.name",
                    name + " needs the rewards of every member one by one, and here members are compared by what "
                            + "the method or 'reward_shaping' makes of their sum");
        }
        if (settings.sampling().refills() > 0) {
            throw refused(
                    "sampling.refills",
                    "'sampling.refills' looks at sums of rewards, and " + name
                            + " finds a signal where those are equal: leave it 0");
        }
    }

    private void checkRule() {
        boolean table = settings.general().reward() == RewardRule.TABLE;
        if (!table && !settings.rewardTable().equals(RewardTable.BASE)) {
            throw refused("reward", "'reward_table' is not used without 'reward: table'");
        }
        RewardShaping shaping = settings.rewardShaping();
        if (shaping.overlongShare() == 0 && (shaping.difficultyPower() > 0 || shaping.failureScale() != 1)) {
            String unused = shaping.difficultyPower() > 0 ? "difficulty_power" : "failure_scale";
            throw refused(
                    "reward_shaping." + unused,
                    "'reward_shaping." + unused + "' scales the loss of 'reward_shaping.overlong_share', which is 0");
        }
    }

    private void checkScorers(
            String at, RewardFunctionSettings function, JudgeSettings judge, RewardModelSettings model) {
        List<String> given = ScorerSettings.given(function, judge, model).stream()
                .map(s -> at + s.key())
                .toList();
        if (given.size() > 1) {
            throw refused(
                    given.get(1),
                    "'" + given.get(1) + "' and '" + given.get(0)
                            + "' exclude each other: one of them judges a response");
        }
        checkFunction(at, function);
        checkJudge(at, judge);
        new RewardModelRules(at + "reward_model.", model, place).check();
    }

    private void checkFunction(String at, RewardFunctionSettings function) {
        if (!function.given()) {
            if (!function.pythonSource().isEmpty() || function.pythonNetwork()) {
                String key = at + (function.pythonNetwork() ? "python_network" : "python_source");
                throw refused(key, "'" + key + "' is not used without '" + at + "python'");
            }
            return;
        }
        String key = at + "python";
        if (!function.python().matches("(.*/)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\\.py:[A-Za-z_][A-Za-z0-9_]{0,99}")) {
            throw refused(
                    key,
                    "'" + key + "' must be FILE.py:FUNCTION, such as rewards.py:score, got '"
                            + SettingsException.shown(function.python()) + "'");
        }
        int bytes = function.pythonSource().getBytes(StandardCharsets.UTF_8).length;
        if (bytes > RewardFunctionSettings.LONGEST_SOURCE) {
            throw refused(
                    key,
                    "'" + key + "': " + function.file() + " has " + bytes + " bytes, at most "
                            + RewardFunctionSettings.LONGEST_SOURCE + " travel with every response");
        }
    }

    private void checkJudge(String at, JudgeSettings judge) {
        String url = at + "judge.url";
        if (!judge.given()) {
            if (!judge.model().isEmpty() || !judge.prompt().isEmpty()) {
                String unused = at + "judge." + (judge.model().isEmpty() ? "prompt" : "model");
                throw refused(unused, "'" + unused + "' is not used without '" + url + "'");
            }
            return;
        }
        if (WebAddress.of(judge.url()).isEmpty()) {
            throw refused(
                    url,
                    "'" + url + "' must be " + WebAddress.EXPECTED + ", such as http://127.0.0.1:8000/v1"
                            + (WebAddress.holdsUser(judge.url())
                                    ? ""
                                    : ", got '" + SettingsException.shown(judge.url()) + "'"));
        }
        if (judge.model().isBlank()) {
            throw refused(url, "'" + url + "' needs '" + at + "judge.model'");
        }
        if (!judge.prompt().contains("{response}") || judge.prompt().length() > JudgeSettings.LONGEST_PROMPT) {
            throw refused(
                    at + "judge.prompt",
                    "'" + at + "judge.prompt' must hold {response}, and at most " + JudgeSettings.LONGEST_PROMPT
                            + " characters");
        }
        checkPattern(at + "judge.pattern", judge.pattern());
    }

    private void checkPattern(String key, String pattern) {
        String why;
        try {
            why = Pattern.compile(pattern).matcher("").groupCount() < 1 ? "it has no group that is the mark" : "";
        } catch (PatternSyntaxException e) {
            why = e.getDescription();
        }
        if (!why.isEmpty()) {
            throw refused(
                    key,
                    "'" + key + "' must be a regular expression whose first group is the mark, got '"
                            + SettingsException.shown(pattern) + "': " + why);
        }
    }

    /** Several rewards are told apart by their names, and the sum of them is one number a rollout that was sampled. */
    private void checkSeveral() {
        if (rewards.isEmpty()) {
            return;
        }
        Set<String> names = new HashSet<>();
        int ofVerdict = 0;
        for (int i = 0; i < rewards.size(); i++) {
            RewardSettings reward = rewards.get(i);
            Name.of(place.apply(key(i, "name")) + ": '" + key(i, "name") + "'", reward.name());
            if (!names.add(reward.name())) {
                throw refused(key(i, "name"), "two rewards are called '" + reward.name() + "'");
            }
            boolean plain = reward.rule() == RewardSettings.Rule.VERDICT;
            if (reward.judgedApart() && !plain) {
                throw refused(
                        key(i, "rule"),
                        "'" + key(i, "rule") + "' and '"
                                + key(i, reward.scorer().orElseThrow().key())
                                + "' exclude each other: one gives the reward");
            }
            if (reward.function().passScore() != 1) {
                throw refused(
                        key(i, "pass_score"),
                        "'" + key(i, "pass_score") + "' is not used: what is right is said by the verdict, "
                                + "'verification.pass_score' where 'verification.python' gives that");
            }
            if (!reward.judgedApart() && plain && ++ofVerdict > 1) {
                throw refused(
                        key(i, "name"),
                        "two rewards are those of the verdict: give '" + reward.name()
                                + "' a function or another rule");
            }
        }
        if (rewards.stream().allMatch(r -> r.weight() == 0)) {
            throw refused(key(0, "weight"), "the weights of all rewards are 0: nothing would be learned");
        }
        checkOthers();
    }

    private void checkOthers() {
        if (settings.general().reward() == RewardRule.RANDOM) {
            throw refused("reward", "'reward: random' and 'verification.rewards' exclude each other");
        }
        if (new ChosenMethod(settings).givesSolutions()) {
            throw refused(
                    key(0, "name"),
                    "'verification.rewards' judge what was sampled, and 'oracle_traces.given' puts solutions among a group's members "
                            + "that nobody did");
        }
    }

    private static String key(int index, String name) {
        return "verification.rewards." + (index + 1) + "." + name;
    }

    private FootholdException refused(String key, String why) {
        return new FootholdException(ErrorCode.INVALID_INPUT, place.apply(key) + ": " + why);
    }
}
