package io.foothold.orchestrator.runfile;

import io.foothold.core.advantage.AdvantageEstimator;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Every key of a run file: its type, its default, what it means. Keys are dotted paths; {@code *} stands for any name, {@code #} for the
 * place of an item in a list, from 1.
 */
public final class Schema {
    /** What a value may be. */
    public enum Type {
        /** Any text. */
        TEXT,
        /** A whole number. */
        INTEGER,
        /** A number. */
        NUMBER,
        /** true or false. */
        FLAG
    }

    /**
     * One key.
     *
     * @param type of its value
     * @param fallback value when neither file nor preset has one; null when it must be given or may be absent
     * @param allowed the values that it may take, empty for any; of a number, the words that it may take besides
     * @param range what a number may be; null for anything that is no number
     * @param help one sentence, with the unit
     */
    public record Key(
            Type type,
            @Nullable String fallback,
            List<String> allowed,
            @Nullable Range range,
            String help) {}

    /**
     * What a number may be.
     *
     * @param least smallest value
     * @param open whether the smallest value itself is outside
     * @param most largest value
     * @param openAbove whether the largest value itself is outside
     * @param unit what is counted or measured; empty for a pure number
     */
    public record Range(double least, boolean open, double most, boolean openAbove, String unit) {
        /** Whether a number is inside. */
        public boolean holds(double value) {
            return (open ? value > least : value >= least) && (openAbove ? value < most : value <= most);
        }

        /** In words, such as "from 1 to 100000 updates". */
        public String words() {
            return bounds() + (unit.isEmpty() ? "" : " " + unit);
        }

        /** In words without the unit. */
        String bounds() {
            String upTo = openAbove ? "below " : open ? "at most " : "to ";
            return (open ? "above " + plain(least) + " and " : "from " + plain(least) + (openAbove ? " and " : " "))
                    + upTo
                    + plain(most);
        }

        private static String plain(double value) {
            return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
        }
    }

    /** The word for a value that follows from the model. */
    static final String AUTO = "auto";

    /** Keys that have another name now; the former one still means the same. */
    private static final Map<String, String> RENAMED =
            Map.of("evaluation.temperature", "evaluation.sampling.temperature");

    private static final String SUPPORT =
            " restricts what training samples from, and its gradient is right only over the tokens that were kept, which no inference "
                    + "server returns: set it under 'evaluation.sampling', which trains nothing, or lower sampling.temperature";

    /** Keys that one may look for and that are not there, with the reason. */
    private static final Map<String, String> MISSING = Map.of(
            "sampling.top_p", SUPPORT,
            "sampling.top_k", SUPPORT,
            "sampling.min_p", SUPPORT,
            "learner.torch.hosts",
                    " is no setting: the ranks of a run are processes of one host, and several hosts were never tried (expected "
                            + "learner.torch.processes)");

    /** Says on what a run is computed and not what: it may go on with another value. */
    private static final Set<String> MACHINE = Set.of(
            "learner.djl.device",
            "learner.torch.processes",
            "learner.torch.device",
            "learner.torch.checkpointing",
            "learner.torch.compile",
            "learner.torch.attention");

    /** Largest count of what is held in memory at once. */
    private static final double MOST_AT_ONCE = 100_000;

    /** Largest count of anything else, below the largest 32-bit number. */
    private static final double MOST_COUNTED = 1_000_000_000;

    /** Largest sum of counts over a whole run. */
    private static final double MOST_SUMMED = 1e15;

    /** Largest weight, coefficient, norm, or count of thoughts. */
    private static final double MOST_WEIGHT = 1_000_000;

    /** Largest count of processes of one host. */
    private static final double MOST_PROCESSES = 64;

    private static final Map<String, Key> KEYS = new LinkedHashMap<>();

    static {
        text("name", "", "Name of the run; its id when none is given.");
        text("method", null, "Preset that the run starts from.");
        integer("seed", "0", from(-1e18, 1e18, ""), "Seed of everything random.");
        integer("updates", "50", from(1, MOST_COUNTED, "updates"), "Updates to do.");
        integer(
                "max_training_tokens",
                "0",
                from(0, MOST_SUMMED, "tokens"),
                "Ends the run after the update that reaches so many sampled tokens (seeds and localization count); 0 is off.");
        text("policy.base", null, "Directory of the base policy (Hugging Face layout).");
        source("problems.train", "Problems to train on");
        source("problems.evaluate.*", "Problems of an evaluation set");
        text("prompts.root", "{problem}", "Prompt of a root start state.");
        text("prompts.guided", "", "Prompt of a guided start state.");
        flag("prompts.chat", "false", "Whether prompts are user's messages in the policy's chat template.");
        text("prompts.system", "", "System message before them.");
        text(
                "prompts.turns.#.user",
                null,
                "What the user says in an earlier turn, such as a worked example (with prompts.chat).");
        text("prompts.turns.#.assistant", null, "What the assistant answers to it.");
        text("prompts.chat_options", "", "Variables of the chat template, such as enable_thinking=false, with commas.");
        text("prompts.thought_delimiter", "", "Text that ends a thought.");
        integer(
                "mining.samples",
                "0",
                from(0, MOST_AT_ONCE, "samples"),
                "Samples a problem to find the hard set; 0 takes every problem.");
        integer(
                "mining.max_passes",
                "0",
                from(0, MOST_AT_ONCE, "samples"),
                "A problem is hard when at most this many samples pass.");
        integer(
                "mining.second_samples",
                "0",
                from(0, MOST_AT_ONCE, "samples"),
                "Further samples of each problem that the first ones leave hard, before it counts as hard; 0 takes none.");
        choice(
                "prefix_search.mode",
                "ascending",
                "Order in which prefixes are tried.",
                "ascending",
                "bisect",
                "subsample");
        integer("prefix_search.rollouts", "8", from(1, MOST_AT_ONCE, "rollouts"), "Rollouts for each candidate.");
        integer(
                "prefix_search.min_passes",
                "1",
                from(1, MOST_AT_ONCE, "rollouts"),
                "Passes that make a candidate good.");
        choice(
                "prefix_search.fallback",
                "short",
                "Prefix of a problem for which none works: short draws one below a quarter of the solution (the paper's; of a solution "
                        + "of few thoughts that is none), longest takes the longest that was tried.",
                "short",
                "longest");
        number("mixture.root", "1", from(0, MOST_WEIGHT, ""), "Share of root start states.");
        number("mixture.guided", "0", from(0, MOST_WEIGHT, ""), "Share of guided start states.");
        choice(
                "guidance.form",
                "user",
                "Where a guided prompt shows the oracle's first thoughts: user in prompts.guided; prefill behind the root prompt, so "
                        + "that the answer begins with them.",
                "user",
                "prefill");
        choice(
                "guidance.when",
                "always",
                "When a place that is drawn guided starts so: always; all_wrong tries the problem from its root and starts guided, too, "
                        + "when every answer failed (Guide).",
                "always",
                "all_wrong");
        choice("mixture.draw", "independent", "How the mixture is drawn.", "independent", "stratified", "paired");
        number(
                "resets.share",
                "0",
                from(0, 1, ""),
                "Share of an update's places whose failed rollouts are reset; 0 is off.");
        choice(
                "resets.localizer",
                "random",
                "Who names the thought to reset to.",
                "random",
                "early",
                "oracle",
                "self",
                "self_recompute",
                "external");
        integer(
                "resets.early_thought",
                "1",
                from(1, MOST_WEIGHT, "thoughts"),
                "Thought that the localizer 'early' always names.");
        number(
                "resets.noise",
                "0",
                from(0, 1, ""),
                "Share of named thoughts that a random thought takes the place of.");
        integer("resets.base_rollouts", "4", from(0, MOST_AT_ONCE, "rollouts"), "Size of the base group; 0 for none.");
        integer(
                "resets.seeds",
                "1",
                from(1, MOST_AT_ONCE, "rollouts"),
                "Failed rollouts that are reset, each a suffix group.");
        integer("resets.suffixes", "4", from(1, MOST_AT_ONCE, "rollouts"), "Members of a suffix group.");
        integer(
                "resets.draws",
                "12",
                from(1, MOST_AT_ONCE, "rollouts"),
                "Fresh rollouts after which no further one is drawn to find a seed.");
        choice(
                "resets.seed_rule",
                "paper",
                "paper: the base group is the first draws and seeds stay in it; reference: seeds leave it.",
                "paper",
                "reference");
        choice(
                "resets.without_seeds",
                "plain",
                "Without a seed: plain fills one group to the same size, drawn trains what was drawn.",
                "plain",
                "drawn");
        integer(
                "resets.offset",
                "0",
                from(0, MOST_WEIGHT, "thoughts"),
                "Thoughts that a reset is moved towards the start.");
        choice("resets.on_no_error", "random", "When the localizer finds no error.", "random", "first", "last", "drop");
        choice("resets.on_unparseable", "random", "When its answer cannot be read.", "random", "first", "last", "drop");
        flag(
                "resets.compare_with_oracle",
                "false",
                "Whether oracle solutions tell the first error: the task determines every thought.");
        number(
                "resets.min_clean_share",
                "0",
                from(0, 1, ""),
                "Falls back to random when fewer of the last 64 resets were at or before the first error; 0 is off.");
        text(
                "revision.prompt",
                "",
                "Prompt under which every answer is revised, with {problem} and {response}; empty for no revision.");
        choice(
                "revision.use",
                "every",
                "every: each revision is a group of its own (SCoRe); best: only failed answers are revised, and the best "
                        + "revision joins their group (Critique-GRPO).",
                "every",
                "best");
        number(
                "revision.bonus",
                "10",
                from(0, MOST_WEIGHT, ""),
                "Weight of the progress from answer to revision in the revision's reward.");
        text("tree.branches", "", "Tree of segments: children of a node at each level, such as 2x4; empty for none.");
        integer(
                "tree.segment_tokens",
                "600",
                from(1, MOST_COUNTED, "tokens"),
                "Tokens of a segment above the leaves of the tree.");
        text(
                "localizer.prompt",
                "l2",
                "Question of self localizers: l1, l2 or a text with {problem}, {steps}, {count}.");
        choice(
                "localizer.policy",
                "current",
                "Who answers self localizers: the current policy, the run's first one (frozen), or whatever the servers in "
                        + "foothold.sampler.frozen-endpoints hold (other).",
                "current",
                "frozen",
                "other");
        number(
                "localizer.temperature",
                "0.3",
                from(0, 1000, ""),
                "Softmax temperature of its answer; 0 takes the likeliest token.");
        integer(
                "localizer.max_tokens",
                "4096",
                from(1, MOST_COUNTED, "tokens"),
                "Limit of tokens of its answer (self).");
        integer(
                "localizer.claim_tokens",
                "1",
                from(1, MOST_COUNTED, "tokens"),
                "Tokens of the claim that ends a thought (self_recompute).");
        number("sampling.temperature", "1.0", above(0, 1000, ""), "Softmax temperature of training rollouts.");
        integer(
                "sampling.max_tokens",
                "0",
                from(0, MOST_COUNTED, "tokens"),
                "Limit of sampled tokens; 0 takes the problem's own.");
        integer(
                "sampling.max_thought_tokens",
                "0",
                from(0, MOST_COUNTED, "tokens"),
                "Limit of tokens of one thought; 0 is none. Samples thought by thought.");
        integer(
                "sampling.max_thoughts",
                "0",
                from(0, MOST_WEIGHT, "thoughts"),
                "Limit of thoughts of a rollout; 0 is none. Samples thought by thought.");
        integer("sampling.rollouts_per_group", "8", from(1, MOST_AT_ONCE, "rollouts"), "Members of a group.");
        integer("sampling.groups_per_update", "12", from(1, MOST_AT_ONCE, "groups"), "Groups of an update.");
        integer(
                "sampling.refills",
                "0",
                from(0, 1000, "attempts"),
                "How often a place whose every advantage is 0 is filled again from another start state; 0 is off.");
        choice(
                "reward",
                "correct_and_finished",
                "Rule from verdict to reward; correct asks for nothing but the answer, and a policy forgets to end.",
                "correct",
                "correct_and_finished",
                "success",
                "score",
                "random");
        text(
                "verification.options",
                "",
                "Grading options with commas between them, such as boxed-required, places=2; see docs/evaluation.md.");
        for (String kind : List.of("math", "numeric", "choice", "text", "countdown", "code", "exact")) {
            text(
                    "verification.servers." + kind,
                    "",
                    "HOST:PORT of a verifier of one's own for problems of kind " + kind + "; empty for ours.");
        }
        choice(
                "estimator.name",
                "mean",
                "Advantages.",
                AdvantageEstimator.names().toArray(String[]::new));
        integer("estimator.k", "1", from(1, MOST_AT_ONCE, "rollouts"), "k of pass_at_k and pass_at_k_leave_one_out.");
        choice(
                "loss.aggregation",
                "token_mean",
                "Weight of a token.",
                "token_mean",
                "sequence_mean",
                "sequence_sum",
                "constant_length");
        choice("loss.ratio", "none", "Importance ratio.", "none", "token", "sequence");
        number("loss.clip_low", "0.2", from(0, MOST_WEIGHT, ""), "Lower clip of the ratio.");
        number("loss.clip_high", "0.2", from(0, MOST_WEIGHT, ""), "Upper clip of the ratio.");
        number("loss.dual_clip", "0", from(0, MOST_WEIGHT, ""), "Bound for negative advantages; 0 is off.");
        number("loss.kl_coefficient", "0", from(0, MOST_WEIGHT, ""), "KL to the base policy; 0 is off.");
        number("loss.entropy_coefficient", "0", from(0, MOST_WEIGHT, ""), "Entropy bonus; 0 is off.");
        integer(
                "loss.constant_length",
                "1",
                from(1, MOST_COUNTED, "tokens"),
                "Tokens that constant_length divides by.");
        flag(
                "loss.train_given",
                "false",
                "Gives the tokens before a reset credit too (the SRPO paper's ablation without a mask). With equal weights a "
                        + "group's advantages cancel there: it changes something under sequence_mean only.");
        number(
                "loss.shaping",
                "0.1",
                from(0, MOST_WEIGHT, ""),
                "Gamma of p / (p + gamma), the weight of a revision's tokens (revision.use: best).");
        flag("loss.allow_off_policy", "false", "Lets a loss without a ratio run with staleness or several steps.");
        choice(
                "loss.mismatch.rule",
                "none",
                "How the ratio of the learner's probability of a token, at the beginning of the update, to the sampler's corrects its "
                        + "credit: truncate multiplies by min(ratio, cap), mask by the ratio between low and high and by 0 outside. "
                        + "Costs a forward pass an update.",
                "none",
                "truncate",
                "mask");
        choice(
                "loss.mismatch.level",
                "token",
                "What shares a ratio: a token has its own, a sequence the product of its tokens' or their geometric mean.",
                "token",
                "sequence",
                "geometric_mean");
        number("loss.mismatch.cap", "2.0", from(1, MOST_WEIGHT, ""), "Largest ratio that counts (truncate).");
        number("loss.mismatch.low", "0.5", from(0, 1, ""), "Smallest ratio that counts (mask).");
        number("loss.mismatch.high", "5.0", from(1, MOST_WEIGHT, ""), "Largest ratio that counts (mask).");
        number("optimizer.learning_rate", "1e-6", above(0, 1000, ""), "Peak learning rate.");
        number("optimizer.beta1", "0.9", share(), "Decay of the first moment.");
        number("optimizer.beta2", "0.95", share(), "Decay of the second moment.");
        number("optimizer.epsilon", "1e-8", above(0, 1, ""), "Term in AdamW's denominator.");
        number("optimizer.weight_decay", "0", from(0, 1000, ""), "Decoupled weight decay.");
        number("optimizer.clip_norm", "1.0", from(0, MOST_WEIGHT, ""), "Bound of the gradient norm; 0 is off.");
        choice("optimizer.schedule", "constant", "Learning-rate schedule.", "constant", "linear", "cosine");
        integer("optimizer.warmup_steps", "0", from(0, MOST_SUMMED, "optimizer steps"), "Optimizer steps of warm-up.");
        integer(
                "optimizer.total_steps",
                "0",
                from(0, MOST_SUMMED, "optimizer steps"),
                "Optimizer steps of the schedule.");
        number("optimizer.final_share", "1.0", from(0, 1, ""), "Share of the peak at the end of the schedule.");
        integer(
                "optimizer.groups_per_step",
                "0",
                from(0, MOST_AT_ONCE, "groups"),
                "Groups of one optimizer step; 0 takes the whole update.");
        integer("optimizer.epochs", "1", from(1, 10_000, "passes"), "Passes over an update.");
        automatic(
                Type.INTEGER,
                "optimizer.micro_batch_tokens",
                from(1, MOST_COUNTED, "tokens"),
                "Largest count of tokens of a micro-batch; auto takes what fits 1 GiB of activations (an eighth of the memory on "
                        + "small machines), 8192 at most.");
        integer(
                "optimizer.lora.rank",
                "0",
                from(0, MOST_AT_ONCE, ""),
                "Rank of adapters that are trained on frozen weights; 0 trains all weights.");
        number(
                "optimizer.lora.alpha",
                "0",
                from(0, MOST_WEIGHT, ""),
                "Scale of the adapters, times the rank; 0 takes the rank.");
        text(
                "optimizer.lora.targets",
                AUTO,
                "Linear layers that get an adapter, by the names that the model's family has for them (q_proj, v_proj); auto takes all "
                        + "but the head.");
        choice(
                "learner.backend",
                AUTO,
                "What computes: djl is embedded, torch is a Python worker (./foothold torch install); auto is djl where it knows the "
                        + "model's architecture.",
                AUTO,
                "djl",
                "torch");
        text(
                "learner.djl.device",
                "cpu",
                "Where djl learns, and our own engine samples unless --device says otherwise: cpu, or a CUDA device such as cuda:0; "
                        + "sampling is in bfloat16 there when precision is fast, learning in float32 always.");
        integer(
                "learner.torch.processes",
                "1",
                from(1, MOST_PROCESSES, "processes"),
                "Processes of the torch worker on this host, each a rank (on GPUs: one a device).");
        choice(
                "learner.torch.device",
                AUTO,
                "Where torch computes; auto is CUDA where torch sees it.",
                AUTO,
                "cpu",
                "cuda");
        choice(
                "learner.torch.dtype",
                AUTO,
                "What torch computes in, weights and moments being float32; auto is bfloat16 on CUDA and float32 else.",
                AUTO,
                "float32",
                "bfloat16");
        flag(
                "learner.torch.checkpointing",
                "true",
                "Whether torch computes activations again in the backward pass instead of keeping them.");
        flag("learner.torch.compile", "false", "Whether torch compiles the model's blocks.");
        choice("learner.torch.attention", AUTO, "How torch computes attention.", AUTO, "sdpa", "flash", "eager");
        integer(
                "staleness",
                "0",
                from(0, 10_000, "policy versions"),
                "Versions that a trained token may be behind; 0 is synchronous.");
        choice(
                "precision",
                AUTO,
                "Attention: exact agrees with the sampler to the bit, fast rounds; auto is exact for models below 10 million "
                        + "parameters.",
                AUTO,
                "exact",
                "fast");
        automatic(
                Type.NUMBER,
                "max_log_prob_difference",
                from(0, MOST_COUNTED, "nats"),
                "Largest difference of sampler and learner, nats; auto is 1e-5 for exact and 1e-2 for fast precision, and none for fast "
                        + "precision with loss.mismatch.rule.");
        integer("evaluation.every", "10", from(1, MOST_COUNTED, "updates"), "Updates between evaluations.");
        integer(
                "evaluation.every_tokens",
                "0",
                from(0, MOST_SUMMED, "tokens"),
                "Sampled training tokens between evaluations; 0 counts updates.");
        integer("evaluation.samples", "16", from(1, MOST_AT_ONCE, "samples"), "Samples a problem.");
        automatic(
                Type.NUMBER,
                "evaluation.sampling.temperature",
                from(0, 1000, ""),
                "Softmax temperature of evaluation, 0 takes the likeliest token; auto is that of training.");
        number(
                "evaluation.sampling.top_p",
                "1",
                above(0, 1, ""),
                "Evaluation draws from the likeliest tokens with so much probability in all; 1 from every token.");
        integer(
                "evaluation.sampling.top_k",
                "0",
                from(0, MOST_AT_ONCE, "tokens"),
                "Evaluation draws from so many of the likeliest tokens; 0 from every token.");
        automatic(
                Type.INTEGER,
                "evaluation.sampling.max_tokens",
                from(0, MOST_COUNTED, "tokens"),
                "Limit of sampled tokens in evaluation, 0 takes the problem's own; auto is that of training.");
        integer(
                "evaluation.oracle_problems",
                "0",
                from(0, MOST_AT_ONCE, "problems"),
                "Problems of each set, the training problems too, whose oracle solutions the learner scores at every evaluation from the "
                        + "unguided prompt; 0 is off.");
        integer("checkpoint.every", "10", from(1, MOST_COUNTED, "updates"), "Updates between checkpoints.");
        integer("checkpoint.keep", "3", from(1, MOST_WEIGHT, "checkpoints"), "Checkpoints that stay.");
        integer(
                "alarms.zero_reward_updates",
                "0",
                from(0, MOST_COUNTED, "updates"),
                "Stops after so many updates without any reward; 0 is off.");
        number("alarms.min_entropy", "0", from(0, 1000, "nats"), "Stops when the entropy falls below, nats; 0 is off.");
        number(
                "alarms.max_verifier_error_share",
                "0.1",
                from(0, 1, ""),
                "Stops when more verdicts of an update are errors.");
        number(
                "warnings.min_effective_sample_size",
                "0.5",
                from(0, 1, ""),
                "Warns when the ratios of learner and sampler leave a smaller share of the rollouts; 0 is off.");
        number(
                "warnings.max_log_prob_kl",
                "0.01",
                from(0, 1000, "nats"),
                "Warns when sampler and learner differ by more, KL estimate k3 a token; 0 is off.");
        number(
                "warnings.max_finished_drop",
                "0.2",
                from(0, 1, ""),
                "Warns when the share of responses that end by themselves, over three updates, falls by more; 0 is off.");
    }

    private Schema() {}

    /** All keys in order. */
    public static Map<String, Key> keys() {
        return KEYS;
    }

    /** The name that a key has now. */
    static String current(String path) {
        return RENAMED.getOrDefault(path, path);
    }

    /** Former names of keys, with what they are called now. */
    static Map<String, String> renamed() {
        return RENAMED;
    }

    /** Whether a run may go on with another value of this key: it says on what the run is computed and not what. */
    static boolean ofMachine(String path) {
        return MACHINE.contains(path);
    }

    /** Why there is no such key, where that needs saying. */
    static @Nullable String missing(String path) {
        return MISSING.get(path);
    }

    /** Whether the value of a key is a list of mappings. */
    static boolean isList(String path) {
        return KEYS.keySet().stream().anyMatch(key -> key.startsWith(path + ".#."));
    }

    private static void source(String at, String what) {
        text(at + ".family", "", what + ": generated family (add, dial).");
        text(at + ".level", "", what + ": level of the family.");
        integer(at + ".count", "0", from(0, 10_000_000, "problems"), what + ": how many are generated.");
        integer(at + ".seed", "0", from(-1e18, 1e18, ""), what + ": seed of the generator.");
        text(at + ".split", "train", what + ": split, train or test.");
        text(at + ".jsonl", "", what + ": path of a JSONL file.");
        text(at + ".segmenter", "line", what + ": how solutions are cut: delimiter, line, sentence, tokens:FRACTION.");
    }

    private static Range from(double least, double most, String unit) {
        return new Range(least, false, most, false, unit);
    }

    private static Range above(double least, double most, String unit) {
        return new Range(least, true, most, false, unit);
    }

    /** A decay: 1 would never forget. */
    private static Range share() {
        return new Range(0, false, 1, true, "");
    }

    private static void text(String path, @Nullable String fallback, String help) {
        KEYS.put(path, new Key(Type.TEXT, fallback, List.of(), null, help));
    }

    private static void integer(String path, String fallback, Range range, String help) {
        KEYS.put(path, new Key(Type.INTEGER, fallback, List.of(), range, help));
    }

    private static void number(String path, String fallback, Range range, String help) {
        KEYS.put(path, new Key(Type.NUMBER, fallback, List.of(), range, help));
    }

    /** A number that follows from the model unless it is given. */
    private static void automatic(Type type, String path, Range range, String help) {
        KEYS.put(path, new Key(type, AUTO, List.of(AUTO), range, help));
    }

    private static void flag(String path, String fallback, String help) {
        KEYS.put(path, new Key(Type.FLAG, fallback, List.of("true", "false"), null, help));
    }

    private static void choice(String path, String fallback, String help, String... allowed) {
        KEYS.put(path, new Key(Type.TEXT, fallback, List.of(allowed), null, help));
    }
}
