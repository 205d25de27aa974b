package io.foothold.cli;

import io.foothold.augmentation.problems.ProblemSets;
import io.foothold.core.problem.Problem;
import io.foothold.core.prompt.Placeholders;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyException;
import io.foothold.policy.Tokenizer;
import io.foothold.policy.chat.ChatTemplate;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How large the embedded engine has to be for an evaluation.
 *
 * @param maxLength longest sequence, prompt and response together, in tokens
 * @param slots sequences sampled at the same time
 */
record EngineSize(int maxLength, int slots) {
    private static final int MOST_SLOTS = 128;
    private static final int FEWEST_SLOTS = 8;
    /** Keys and values are float32. */
    private static final long CACHE_BYTES = 1L << 30;

    /**
     * The size that the evaluation sets of a run file ask for: their longest prompt in tokens and what it may be answered with, as
     * far as the model's positions reach. What does not fit then is refused by problem id before anything is sampled.
     *
     * @param maxLength a length that the user chose; 0 derives it
     */
    static EngineSize of(RunFile file, PolicyDirectory policy, int maxLength) {
        int length = maxLength > 0
                ? maxLength
                : Math.min(longest(file, policy), policy.config().maxPositions());
        return new EngineSize(length, slots(policy.config(), length));
    }

    private static int longest(RunFile file, PolicyDirectory policy) {
        int limit = file.count("sampling.max_tokens");
        int longest = 1;
        ProblemSets sets = new ProblemSets();
        try (Tokenizer tokenizer = policy.tokenizer()) {
            for (String set : file.evaluationSets()) {
                for (Problem p :
                        sets.load(source(file, "problems.evaluate." + set)).values()) {
                    int prompt = tokenizer.encode(prompt(file, policy, p)).length;
                    int own = p.maxTokens() > 0 && (limit == 0 || p.maxTokens() < limit) ? p.maxTokens() : limit;
                    longest = Math.max(longest, prompt + own);
                }
            }
        }
        return longest;
    }

    private static ProblemSets.Source source(RunFile file, String at) {
        String jsonl = file.text(at + ".jsonl");
        return jsonl.isEmpty()
                ? new ProblemSets.Source.Generated(
                        file.text(at + ".family"),
                        file.text(at + ".level"),
                        file.count(at + ".count"),
                        file.integer(at + ".seed"),
                        file.text(at + ".split"))
                : new ProblemSets.Source.Jsonl(
                        Path.of(jsonl), file.text(at + ".segmenter"), file.text("prompts.thought_delimiter"));
    }

    private static String prompt(RunFile file, PolicyDirectory policy, Problem problem) {
        String text = Placeholders.fill(file.text("prompts.root"), Map.of("problem", problem.statement()));
        if (!file.flag("prompts.chat")) {
            return text;
        }
        List<ChatTemplate.Message> messages = new ArrayList<>();
        if (!file.text("prompts.system").isEmpty()) {
            messages.add(new ChatTemplate.Message("system", file.text("prompts.system")));
        }
        messages.add(new ChatTemplate.Message("user", text));
        return policy.chatTemplate()
                .orElseThrow(() -> new PolicyException("policy " + policy.path() + ChatTemplate.MISSING))
                .render(messages, true, options(file));
    }

    private static Map<String, Object> options(RunFile file) {
        Map<String, Object> out = new LinkedHashMap<>();
        for (String option : file.names("prompts.chat_options")) {
            int equals = option.indexOf('=');
            out.put(
                    option.substring(0, equals).strip(),
                    EncodeCommand.value(option.substring(equals + 1).strip()));
        }
        return out;
    }

    /** As many as a cache of 1 GiB holds, in eights. */
    private static int slots(ModelConfig config, int maxLength) {
        long slot = 2L * config.layers() * config.kvHeads() * config.headDim() * 4 * (maxLength + 4L);
        long fitting = CACHE_BYTES / slot / FEWEST_SLOTS * FEWEST_SLOTS;
        return (int) Math.clamp(fitting, FEWEST_SLOTS, MOST_SLOTS);
    }
}
