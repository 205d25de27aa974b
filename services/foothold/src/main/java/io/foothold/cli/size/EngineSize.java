package io.foothold.cli.size;

import io.foothold.augmentation.problems.ProblemSets;
import io.foothold.cli.machine.Memory;
import io.foothold.core.method.ChosenMethod;
import io.foothold.core.method.ResetSettings;
import io.foothold.core.problem.OraclePrefix;
import io.foothold.core.problem.Problem;
import io.foothold.core.search.PrefixSearch;
import io.foothold.core.settings.LocalizerSettings;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.PolicyException;
import io.foothold.policy.Precision;
import io.foothold.policy.Tokenizer;
import io.foothold.policy.chat.ChatTemplate;
import io.foothold.policy.chat.Conversation;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How large the embedded engine has to be.
 *
 * @param maxLength longest sequence, prompt and response together, in tokens
 * @param slots sequences sampled at the same time
 */
public record EngineSize(int maxLength, int slots) {
    private static final int MOST_SLOTS = 128;
    private static final int FEWEST_SLOTS = 8;
    private static final long CACHE_BYTES = 1L << 30;
    /** Part of the memory that keys and values may take, and a micro-batch as well; the rest is for weights and moments. */
    private static final int SHARE = 8;
    /** A run that trains never gets less: it costs nothing, and short runs all have one shape. */
    private static final int FEWEST_TOKENS = 112;

    /**
     * The size that a run which trains asks for: the longest prompt that it can begin a rollout with, of its training and its
     * evaluation sets, guided ones with the longest prefix that may be asked for, and what they may be answered with; with revisions
     * and self localizers also what shows an answer again.
     *
     * @param maxLength a length that the user chose; 0 derives it
     * @param slots sequences at the same time that the user chose; 0 derives them
     * @param precision of the engine, which decides what a cached key takes
     * @param memory that there is
     */
    static Chosen ofTraining(
            RunFile file, CausalModel policy, int maxLength, int slots, Precision precision, Memory memory) {
        List<String> sets = file.problemSources();
        List<String> evaluated = evaluated(file);
        Prompts prompts = prompts(file, policy, sets);
        int length = maxLength > 0
                ? maxLength
                : Math.min(
                        Math.max(FEWEST_TOKENS, prompts.longest()),
                        policy.size().maxPositions());
        if (slots > 0) {
            return new Chosen(new EngineSize(length, slots), "as chosen");
        }
        long budget = budget(memory);
        int fitting = slots(embedded(policy), length, precision, budget);
        long update = (file.settings().general().staleness() + 1)
                * file.settings().sampling().groupsPerUpdate()
                * file.settings().sampling().rolloutsPerGroup();
        long evaluation = evaluated.stream()
                        .mapToLong(set -> prompts.problems().getOrDefault(set, 0))
                        .max()
                        .orElse(0)
                * file.settings().evaluation().samples();
        long wanted = Math.ceilDiv(Math.max(update, evaluation), FEWEST_SLOTS) * FEWEST_SLOTS;
        boolean probes =
                file.settings().searchesPrefixes() || file.settings().mining().samples() > 0;
        if (wanted < fitting && !probes) {
            return new Chosen(
                    new EngineSize(length, (int) wanted),
                    update >= evaluation ? "the rollouts of an update" : "the samples of an evaluation");
        }
        return new Chosen(
                new EngineSize(length, fitting),
                fitting == MOST_SLOTS
                        ? "more would wait for each other"
                        : budget < CACHE_BYTES
                                ? Memory.told(budget) + " of keys and values, an eighth of the memory available"
                                : "1 GiB of keys and values");
    }

    /**
     * A size and why it has so many slots.
     *
     * @param size what was chosen
     * @param why what bounds the slots, in a few words
     */
    record Chosen(EngineSize size, String why) {}

    /** Memory for keys and values, or for what a micro-batch keeps: 1 GiB, on a small machine an eighth of what there is. */
    static long budget(Memory memory) {
        return Math.min(CACHE_BYTES, memory.available() / SHARE);
    }

    /**
     * The size that the evaluation sets of a run file ask for: their longest prompt in tokens and what it may be answered with, as
     * far as the model's positions reach. What does not fit then is refused by problem id before anything is sampled.
     *
     * @param maxLength a length that the user chose; 0 derives it
     * @param precision of the engine
     */
    public static EngineSize of(RunFile file, CausalModel policy, int maxLength, Precision precision) {
        int length = maxLength > 0
                ? maxLength
                : Math.min(
                        prompts(file, policy, evaluated(file)).longest(),
                        policy.size().maxPositions());
        return new EngineSize(length, slots(embedded(policy), length, precision, budget(Memory.ofMachine())));
    }

    /** The shape of a model that our own engine samples: of others {@link RunModel} says before that it does not. */
    private static ModelConfig embedded(CausalModel policy) {
        return policy.size()
                .embedded()
                .orElseThrow(() -> new IllegalStateException(policy.path() + " is not sampled by our own engine"));
    }

    /**
     * What the problem sets ask for.
     *
     * @param longest prompt and answer, tokens
     * @param problems how many each set has
     */
    private record Prompts(int longest, Map<String, Integer> problems) {}

    private static Prompts prompts(RunFile file, CausalModel policy, List<String> at) {
        int longest = 1;
        Map<String, Integer> counts = new LinkedHashMap<>();
        ProblemSets sets = new ProblemSets();
        try (Tokenizer tokenizer = policy.tokenizer()) {
            for (String set : at) {
                boolean trained = set.equals("problems.train");
                int limit = trained
                        ? file.settings().sampling().maxTokens()
                        : file.settings().evaluationTokens();
                Collection<Problem> problems = sets.load(source(file, set)).values();
                counts.put(set, problems.size());
                for (Problem p : problems) {
                    int prompt = length(
                            tokenizer, file, policy, file.settings().prompts().root(p.statement()));
                    int own = p.maxTokens() > 0 && (limit == 0 || p.maxTokens() < limit) ? p.maxTokens() : limit;
                    if (trained && file.settings().searchesPrefixes()) {
                        prompt = Math.max(prompt, guided(tokenizer, file, policy, p));
                    }
                    longest = Math.max(longest, prompt + own + (trained ? again(tokenizer, file, prompt, own) : 0));
                }
            }
        }
        return new Prompts(longest, counts);
    }

    /** The guided prompt with the longest prefix that a search can ask for. */
    private static int guided(Tokenizer tokenizer, RunFile file, CausalModel policy, Problem p) {
        PrefixSearch.Mode mode = file.settings().prefixSearch().mode();
        List<String> thoughts = p.oracleThoughts();
        int most = PrefixSearch.longestAsked(mode, thoughts.size(), OraclePrefix.longest(thoughts, p.answer()));
        if (most < 1) {
            return 0;
        }
        return length(
                tokenizer,
                file,
                policy,
                file.settings().prompts().guided(p.statement(), thoughts, Math.min(most, thoughts.size())));
    }

    /**
     * Tokens beyond prompt and answer where an answer is shown once more: an instruction around it, as many tokens for the new answer,
     * and an answer that takes more tokens as text than it was sampled in.
     */
    private static int again(Tokenizer tokenizer, RunFile file, int prompt, int answer) {
        int more = 0;
        String instruction = new ChosenMethod(file.settings()).instruction();
        if (!instruction.isEmpty()) {
            more = tokenizer.encode(instruction).length + 2 * answer;
        }
        if (new ChosenMethod(file.settings()).localizes()
                && file.settings().localizer().policy() != LocalizerSettings.Answerer.OTHER) {
            String localizer =
                    file.settings().of(ResetSettings.class).localizing().localizer();
            if (localizer.equals("self")) {
                String wording = file.settings().localizer().prompt();
                // The two shipped wordings are below 512 tokens of any vocabulary.
                int around = wording.length() <= 2 ? 512 : tokenizer.encode(wording).length;
                more = Math.max(
                        more, around + answer + file.settings().localizer().maxTokens());
            } else if (localizer.equals("self_recompute")) {
                more = Math.max(more, prompt + file.settings().localizer().claimTokens());
            }
        }
        return more;
    }

    private static List<String> evaluated(RunFile file) {
        List<String> sets = file.problemSources();
        return sets.subList(1, sets.size());
    }

    private static ProblemSets.Source source(RunFile file, String at) {
        ProblemSettings.Source source = file.settings().problems().at(at);
        return source.jsonl().isEmpty()
                ? new ProblemSets.Source.Generated(
                        source.family(), source.level(), source.count(), source.seed(), source.split())
                : new ProblemSets.Source.Jsonl(
                        Path.of(source.jsonl()),
                        source.segmenter(),
                        file.settings().prompting().thoughtDelimiter());
    }

    private static int length(Tokenizer tokenizer, RunFile file, CausalModel policy, String text) {
        return tokenizer.encode(asked(file, policy, text)).length;
    }

    /** A prompt as the policy reads it: in its conversation, if it stands in one. */
    private static String asked(RunFile file, CausalModel policy, String text) {
        if (!file.settings().prompting().chat()) {
            return text;
        }
        ChatTemplate template = policy.chatTemplate()
                .orElseThrow(() -> new PolicyException("policy " + policy.path() + ChatTemplate.MISSING));
        return new Conversation(
                        file.settings().prompting().system(),
                        file.settings().prompting().turns().stream()
                                .map(turn -> new Conversation.Turn(turn.user(), turn.assistant()))
                                .toList(),
                        ChatOptions.of(file),
                        file.settings().answerSeparator())
                .render(template, text);
    }

    /** As many as a cache of so many bytes holds, in eights. */
    private static int slots(ModelConfig config, int maxLength, Precision precision, long bytes) {
        long slot = slotBytes(config, maxLength, precision);
        long fitting = bytes / slot / FEWEST_SLOTS * FEWEST_SLOTS;
        return (int) Math.clamp(fitting, FEWEST_SLOTS, MOST_SLOTS);
    }

    /** What the keys and values of one sequence take. */
    private static long slotBytes(ModelConfig config, int maxLength, Precision precision) {
        int bytes =
                switch (precision) {
                    case EXACT -> Double.BYTES;
                    case FAST -> Float.BYTES;
                };
        return 2L * config.layers() * config.kvHeads() * config.headDim() * bytes * (maxLength + 4L);
    }

    /** What the keys and values of all slots take, in bytes. */
    long cacheBytes(ModelConfig config, Precision precision) {
        return (slots + 7) / 8 * 8 * slotBytes(config, maxLength, precision);
    }
}
