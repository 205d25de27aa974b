package io.foothold.orchestrator.runfile;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/** What settings must be together: each alone is checked where it is read. */
final class SettingsRules {
    /** Most rollouts that are under way at a time. */
    private static final long MOST_ROLLOUTS = 10_000_000;

    /** Most rollouts of one evaluation set, or of mining. */
    private static final long MOST_SAMPLES = 1_000_000_000;

    private static final long MOST_OF_A_PLACE = 100_000;
    private static final int DEEPEST_TREE = 16;

    private final RunFile file;
    private final UnaryOperator<String> place;

    /**
     * Rules over a file.
     *
     * @param place where a key was given, as a message begins
     */
    SettingsRules(RunFile file, UnaryOperator<String> place) {
        this.file = file;
        this.place = place;
    }

    /**
     * Checks all of them.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for the first that does not hold
     */
    void check() {
        if (file.text("policy.base").isBlank()) {
            throw refused("policy.base", "'policy.base' is empty");
        }
        checkProblems();
        checkLoss();
        checkMixture();
        checkHints();
        checkPrompts();
        checkThoughts();
        double share = file.number("resets.share");
        if (share > 0) {
            checkResets();
        }
        checkTree(share);
        checkRevision(share);
        checkSizes();
    }

    private void checkProblems() {
        for (String at : sources()) {
            boolean generated = !file.text(at + ".family").isEmpty();
            boolean jsonl = !file.text(at + ".jsonl").isEmpty();
            if (generated == jsonl) {
                throw refused(at + (jsonl ? ".jsonl" : ".family"), "'" + at + "' needs either 'family' or 'jsonl'");
            }
        }
        if (file.evaluationSets().isEmpty()) {
            throw refused("method", "'problems.evaluate' is missing: a run without evaluation shows nothing");
        }
    }

    private List<String> sources() {
        List<String> out = new ArrayList<>();
        out.add("problems.train");
        file.evaluationSets().forEach(s -> out.add("problems.evaluate." + s));
        return out;
    }

    private void checkLoss() {
        boolean severalSteps = file.integer("optimizer.epochs") > 1 || file.integer("optimizer.groups_per_step") > 0;
        boolean noRatio = file.text("loss.ratio").equals("none");
        // A mismatch rule corrects for older weights, not for steps that the update itself has made.
        boolean corrected = !file.text("loss.mismatch.rule").equals("none");
        boolean offPolicy = severalSteps || (file.integer("staleness") > 0 && !corrected);
        if (noRatio && offPolicy && !file.flag("loss.allow_off_policy")) {
            throw refused(
                    "loss.ratio",
                    "a loss without a ratio is right for on-policy data and one step an update only; set loss.ratio, "
                            + (severalSteps ? "" : "loss.mismatch.rule: truncate or mask, ")
                            + "or loss.allow_off_policy: true to go on all the same");
        }
        if (corrected && file.flag("loss.train_given")) {
            throw refused(
                    "loss.mismatch.rule",
                    "'loss.mismatch.rule' and 'loss.train_given' exclude each other (given tokens have no behaviour log-prob)");
        }
        if (file.flag("loss.train_given") && !noRatio) {
            throw refused(
                    "loss.train_given",
                    "'loss.train_given' needs loss.ratio: none (given tokens have no behaviour log-prob)");
        }
        double dual = file.number("loss.dual_clip");
        if (dual > 0 && dual <= 1) {
            throw refused("loss.dual_clip", "'loss.dual_clip' must be above 1, or 0 for off, got " + dual);
        }
        if (!file.text("optimizer.schedule").equals("constant") && file.integer("optimizer.total_steps") < 1) {
            throw refused(
                    "optimizer.schedule",
                    "a " + file.text("optimizer.schedule") + " schedule needs 'optimizer.total_steps' of at least 1");
        }
    }

    private void checkMixture() {
        if (file.number("mixture.guided") > 0 && file.prompts().guided().isEmpty()) {
            throw refused(
                    "mixture.guided",
                    "a mixture with guided start states needs 'prompts.guided', or guidance.form: prefill");
        }
        if (file.prefills() && !file.text("prompts.guided").isEmpty()) {
            throw refused(
                    "prompts.guided",
                    "'prompts.guided' is not used with guidance.form: prefill, which puts the prefix behind 'prompts.root'");
        }
        if (file.number("mixture.guided") + file.number("mixture.root") <= 0) {
            throw refused("mixture.root", "the mixture is empty");
        }
    }

    private void checkHints() {
        if (!file.hintsWhenWrong()) {
            return;
        }
        if (file.number("mixture.guided") <= 0) {
            throw refused(
                    "guidance.when", "'guidance.when: all_wrong' needs 'mixture.guided' above 0: places with a hint");
        }
        if (file.number("resets.share") > 0
                || !file.text("tree.branches").isEmpty()
                || !file.text("revision.prompt").isEmpty()) {
            throw refused(
                    "guidance.when",
                    "a place of an update is hinted, a revision, a tree or a reset: set one of guidance.when: all_wrong, "
                            + "revision.prompt, tree.branches and resets.share");
        }
    }

    private void checkPrompts() {
        for (String key : List.of("prompts.system", "prompts.chat_options")) {
            if (!file.flag("prompts.chat") && !file.text(key).isEmpty()) {
                throw refused(key, "'prompts.system' and 'prompts.chat_options' need prompts.chat: true");
            }
        }
        if (!file.flag("prompts.chat") && !file.turns().isEmpty()) {
            throw refused(
                    "prompts.turns.1.user",
                    "'prompts.turns' needs prompts.chat: true (without it, write earlier turns into 'prompts.root')");
        }
        for (String option : file.names("prompts.chat_options")) {
            int equals = option.indexOf('=');
            if (equals < 1 || !option.substring(0, equals).strip().matches("\\w+")) {
                throw refused(
                        "prompts.chat_options",
                        "'prompts.chat_options' needs NAME=VALUE with commas between them, got '"
                                + YamlReader.shown(option) + "'");
            }
        }
    }

    private void checkThoughts() {
        for (String limit : List.of("sampling.max_thought_tokens", "sampling.max_thoughts")) {
            if (file.integer(limit) > 0
                    && file.text("prompts.thought_delimiter").isEmpty()) {
                throw refused(limit, "'" + limit + "' needs 'prompts.thought_delimiter'");
            }
        }
    }

    private void checkResets() {
        if (file.text("prompts.thought_delimiter").isEmpty()) {
            throw refused(
                    "resets.share", "resets need 'prompts.thought_delimiter': without it a rollout has no thoughts");
        }
        if (file.number("resets.min_clean_share") > 0 && !file.flag("resets.compare_with_oracle")) {
            throw refused("resets.min_clean_share", "'resets.min_clean_share' needs resets.compare_with_oracle: true");
        }
        atMost(
                "resets.seeds",
                "resets.base_rollouts + resets.seeds * resets.suffixes",
                file.integer("resets.base_rollouts") + file.integer("resets.seeds") * file.integer("resets.suffixes"),
                MOST_OF_A_PLACE);
        try {
            var unused = file.split();
        } catch (IllegalArgumentException e) {
            throw refused("resets.draws", "'resets': " + e.getMessage());
        }
    }

    private void checkTree(double resets) {
        String branches = file.text("tree.branches");
        if (branches.isEmpty()) {
            return;
        }
        String[] levels = branches.split("x", DEEPEST_TREE + 1);
        long leaves = 1;
        for (String level : levels) {
            leaves = level.matches("[1-9]\\d{0,3}") ? Math.min(leaves * Long.parseLong(level), Integer.MAX_VALUE) : 0;
        }
        if (levels.length < 2 || leaves == 0) {
            throw refused(
                    "tree.branches",
                    "'tree.branches' must name the children of a node at 2 to " + DEEPEST_TREE
                            + " levels, each from 1 to 9999, such as 2x4, got '" + YamlReader.shown(branches) + "'");
        }
        atMost("tree.branches", "the leaves of 'tree.branches'", leaves, MOST_OF_A_PLACE);
        if (resets > 0) {
            throw refused(
                    "tree.branches",
                    "a place of an update is a tree or a reset: set tree.branches or resets.share, not both");
        }
    }

    private void checkRevision(double resets) {
        String prompt = file.text("revision.prompt");
        boolean best = file.text("revision.use").equals("best");
        if (prompt.isEmpty()) {
            if (best) {
                throw refused("revision.use", "'revision.use: best' needs 'revision.prompt'");
            }
            return;
        }
        if (resets > 0 || !file.text("tree.branches").isEmpty()) {
            throw refused(
                    "revision.prompt",
                    "a place of an update is a revision, a tree or a reset: set one of revision.prompt, tree.branches "
                            + "and resets.share");
        }
        if (!prompt.contains("{response}")) {
            throw refused(
                    "revision.prompt", "'revision.prompt' must hold {response}: the answer that is to be revised");
        }
        if (best && file.number("loss.shaping") <= 0) {
            throw refused(
                    "loss.shaping",
                    "'loss.shaping' must be above 0 with revision.use: best, got " + file.text("loss.shaping"));
        }
    }

    /** Sizes that are fine one by one and too large together. */
    private void checkSizes() {
        long window = (file.integer("staleness") + 1) * file.integer("sampling.groups_per_update");
        atMost(
                "sampling.groups_per_update",
                "(staleness + 1) * sampling.groups_per_update * sampling.rollouts_per_group, the rollouts under way,",
                window * file.integer("sampling.rollouts_per_group"),
                MOST_ROLLOUTS);
        for (String samples : List.of("mining.samples", "mining.second_samples")) {
            atMost(
                    samples,
                    samples + " * problems.train.count",
                    file.integer(samples) * file.integer("problems.train.count"),
                    MOST_SAMPLES);
        }
        if (file.integer("mining.second_samples") > 0 && file.integer("mining.samples") == 0) {
            throw refused("mining.second_samples", "'mining.second_samples' needs 'mining.samples' of at least 1");
        }
        for (String set : file.evaluationSets()) {
            String count = "problems.evaluate." + set + ".count";
            atMost(
                    count,
                    "evaluation.samples * " + count,
                    file.integer("evaluation.samples") * file.integer(count),
                    MOST_SAMPLES);
        }
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
