package io.foothold.orchestrator.run;

import io.foothold.core.prompt.Prompts;
import io.foothold.core.random.Seeds;
import io.foothold.core.settings.LocalizerSettings;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.core.settings.PromptSettings;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.verdict.RewardRule;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.v1.*;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** A resolved run file in the words of the contracts. */
final class RunSpec {
    private final String runId;
    private final RunFile file;
    private final RunSettings settings;

    RunSpec(String runId, RunFile file) {
        this.runId = runId;
        this.file = file;
        this.settings = file.settings();
    }

    String runId() {
        return runId;
    }

    RunFile file() {
        return file;
    }

    RunSettings settings() {
        return settings;
    }

    long updates() {
        return settings.general().updates();
    }

    long staleness() {
        return settings.general().staleness();
    }

    int groupsPerUpdate() {
        return settings.sampling().groupsPerUpdate();
    }

    int rolloutsPerGroup() {
        return settings.sampling().rolloutsPerGroup();
    }

    boolean guided() {
        return settings.guided();
    }

    Seeds seeds(String purpose) {
        return Seeds.of(settings.general().seed()).split(purpose);
    }

    RewardRule reward() {
        return settings.general().reward();
    }

    /** Address of the verifier for problems of a kind; empty for the standard one. */
    String verifier(ProblemKind kind) {
        return settings.verification().servers().getOrDefault(word(kind), "");
    }

    private static String word(ProblemKind kind) {
        return kind.name().replaceFirst("^PROBLEM_KIND_", "").toLowerCase(Locale.ROOT);
    }

    String verificationOptions() {
        return settings.verification().options();
    }

    ProblemSource source(String at) {
        ProblemSettings.Source source = settings.problems().at(at);
        ProblemSource.Builder out = ProblemSource.newBuilder()
                .setSegmenter(source.segmenter())
                .setThoughtDelimiter(settings.prompting().thoughtDelimiter());
        if (source.jsonl().isEmpty()) {
            out.setGenerated(GeneratedFamily.newBuilder()
                    .setFamily(source.family())
                    .setLevel(source.level())
                    .setCount(source.count())
                    .setSeed(source.seed())
                    .setSplit(source.split()));
        } else {
            out.setJsonlPath(source.jsonl());
        }
        return out.build();
    }

    ProblemSource trainSource() {
        return source("problems.train");
    }

    PromptTemplates templates() {
        Prompts prompts = prompts();
        return PromptTemplates.newBuilder()
                .setRoot(prompts.root())
                .setGuided(prompts.guided())
                .build();
    }

    /** What prompts are made of here. */
    Prompts prompts() {
        return settings.prompts();
    }

    /** Settings with the conversation that prompts stand in, if they do. */
    SamplingSettings conversing(SamplingSettings sampling) {
        PromptSettings prompts = settings.prompting();
        if (!prompts.chat()) {
            return sampling;
        }
        ChatSettings.Builder chat =
                ChatSettings.newBuilder().setSystem(prompts.system()).setAnswerSeparator(settings.answerSeparator());
        prompts.turns()
                .forEach(turn ->
                        chat.addTurns(ChatTurn.newBuilder().setUser(turn.user()).setAssistant(turn.assistant())));
        for (String option : prompts.chatOptions()) {
            int equals = option.indexOf('=');
            chat.putOptions(
                    option.substring(0, equals).strip(),
                    option.substring(equals + 1).strip());
        }
        return sampling.toBuilder().setChat(chat).build();
    }

    SamplingSettings sampling(double temperature) {
        return conversing(SamplingSettings.newBuilder()
                .setTemperature(temperature)
                .setTopP(1)
                .setMaxTokens(settings.sampling().maxTokens())
                .setThoughtDelimiter(settings.prompting().thoughtDelimiter())
                .setMaxThoughtTokens(settings.sampling().maxThoughtTokens())
                .setMaxThoughts(settings.sampling().maxThoughts())
                .build());
    }

    SamplingSettings trainSampling() {
        return sampling(settings.sampling().temperature());
    }

    /** How evaluations draw tokens: as training does where the file does not say. */
    SamplingSettings evaluationSampling() {
        return sampling(settings.evaluationTemperature()).toBuilder()
                .setTopP(settings.evaluation().sampling().topP())
                .setTopK(settings.evaluation().sampling().topK())
                .setMaxTokens(settings.evaluationTokens())
                .build();
    }

    /** How prompts with the beginning of their answer are encoded, see {@link RunSettings#answered}, and prompts alone. */
    SamplingSettings answering() {
        SamplingSettings training = trainSampling();
        return training.hasChat()
                ? training.toBuilder()
                        .setChat(training.getChat().toBuilder().setAnswerSeparator(settings.answering()))
                        .build()
                : training;
    }

    /** Problems of each set whose oracle solutions are scored at an evaluation; 0 for none. */
    int oracleProblems() {
        return settings.evaluation().oracleProblems();
    }

    boolean resets() {
        return settings.resetting();
    }

    /** Whether the unit of that number goes through the reset flow. */
    boolean resets(long number) {
        return resets()
                && Seeds.uniform(seeds("resets").split(number).value(), 0)
                        < settings.resets().share();
    }

    /** Whether localizers ask servers of their own, which no publication reaches. */
    boolean keptLocalizer() {
        return settings.localizer().policy() != LocalizerSettings.Answerer.CURRENT;
    }

    /** Whether those must hold the run's first policy. */
    boolean frozenLocalizer() {
        return settings.localizer().policy() == LocalizerSettings.Answerer.FROZEN;
    }

    /** Work for the localizer, without what is known of one rollout only. */
    LocalizeWork.Builder localization() {
        String wording = settings.localizer().prompt();
        return LocalizeWork.newBuilder()
                .setMode(localizerMode())
                .setEarlyThought(settings.resets().localizing().earlyThought())
                .setNoise(settings.resets().localizing().noise())
                .setThoughtDelimiter(settings.prompting().thoughtDelimiter())
                .setPrompt(LocalizerPrompt.newBuilder()
                        .setTemplate(
                                wording.equals("l1") || wording.equals("l2") ? LocalizerWording.of(wording) : wording)
                        .setTemperature(settings.localizer().temperature())
                        .setMaxTokens(settings.localizer().maxTokens())
                        .setClaimTokens(settings.localizer().claimTokens()));
    }

    private LocalizerMode localizerMode() {
        return LocalizerMode.valueOf(
                "LOCALIZER_MODE_" + settings.resets().localizing().localizer().toUpperCase(Locale.ROOT));
    }

    /** Tokens that a rollout from a start state may have at most. */
    int tokenLimit(StartState start) {
        int own = start.getMaxTokens();
        int all = trainSampling().getMaxTokens();
        return own > 0 && all > 0 ? Math.min(own, all) : Math.max(own, all);
    }

    /** How often a place without a signal is filled again. */
    int refills() {
        return settings.sampling().refills();
    }

    /**
     * The start states of an update; those of a further attempt are drawn with a seed of their own.
     *
     * @param problemSet digest of the training problems as they were loaded
     */
    DrawStartStatesRequest draw(long update, int attempt, String problemSet) {
        DrawStartStatesRequest.Builder out = DrawStartStatesRequest.newBuilder()
                .setSource(trainSource())
                .setProblemSetDigest(problemSet)
                .setTemplates(templates())
                .setDraw(MixtureDraw.valueOf(
                        "MIXTURE_DRAW_" + settings.mixture().draw().name()))
                .setSeed(
                        attempt == 0
                                ? settings.general().seed()
                                : seeds("refill").split(attempt).nonNegative())
                .setUpdate(update)
                .setGroups(groupsPerUpdate());
        if (settings.mixture().root() > 0) {
            out.addMixture(MixturePart.newBuilder()
                    .setRoot(Root.getDefaultInstance())
                    .setShare(settings.mixture().root()));
        }
        if (guided()) {
            out.addMixture(MixturePart.newBuilder()
                    .setGuided(Guided.getDefaultInstance())
                    .setShare(settings.mixture().guided()));
        }
        return out.build();
    }

    MineHardSetStart mining() {
        return MineHardSetStart.newBuilder()
                .setSource(trainSource())
                .setTemplates(templates())
                .setSamples(settings.mining().samples())
                .setMaxPasses(settings.mining().maxPasses())
                .setSecondSamples(settings.mining().secondSamples())
                .build();
    }

    SearchPrefixesStart search(List<String> problemIds) {
        return SearchPrefixesStart.newBuilder()
                .setSource(trainSource())
                .addAllProblemIds(problemIds)
                .setTemplates(templates())
                .setMode(PrefixSearchMode.valueOf(
                        "PREFIX_SEARCH_MODE_" + settings.prefixSearch().mode().name()))
                .setRolloutsPerCandidate(settings.prefixSearch().rollouts())
                .setMinPasses(settings.prefixSearch().minPasses())
                .setFallback(PrefixFallback.valueOf(
                        "PREFIX_FALLBACK_" + settings.prefixSearch().fallback().name()))
                .setSeed(settings.general().seed())
                .build();
    }

    /** Addresses of verifiers of one's own, by the key that names them. */
    Map<String, String> verifiers() {
        Map<String, String> out = new TreeMap<>();
        settings.verification().servers().forEach((kind, address) -> {
            if (!address.isEmpty()) {
                out.put("verification.servers." + kind, address);
            }
        });
        return out;
    }
}
