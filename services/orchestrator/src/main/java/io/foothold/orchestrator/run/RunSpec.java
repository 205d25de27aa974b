package io.foothold.orchestrator.run;

import io.foothold.core.prompt.Prompts;
import io.foothold.core.random.Seeds;
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

    RunSpec(String runId, RunFile file) {
        this.runId = runId;
        this.file = file;
    }

    String runId() {
        return runId;
    }

    RunFile file() {
        return file;
    }

    long updates() {
        return file.integer("updates");
    }

    long staleness() {
        return file.integer("staleness");
    }

    int groupsPerUpdate() {
        return file.count("sampling.groups_per_update");
    }

    int rolloutsPerGroup() {
        return file.count("sampling.rollouts_per_group");
    }

    boolean guided() {
        return file.number("mixture.guided") > 0;
    }

    Seeds seeds(String purpose) {
        return Seeds.of(file.integer("seed")).split(purpose);
    }

    RewardRule reward() {
        return RewardRule.valueOf(file.text("reward").toUpperCase(Locale.ROOT));
    }

    /** Address of the verifier for problems of a kind; empty for the standard one. */
    String verifier(ProblemKind kind) {
        return kind == ProblemKind.UNRECOGNIZED || kind == ProblemKind.PROBLEM_KIND_UNSPECIFIED
                ? ""
                : file.text("verification.servers."
                        + kind.name().substring("PROBLEM_KIND_".length()).toLowerCase(Locale.ROOT));
    }

    String verificationOptions() {
        return file.text("verification.options");
    }

    ProblemSource source(String at) {
        ProblemSource.Builder out = ProblemSource.newBuilder()
                .setSegmenter(file.text(at + ".segmenter"))
                .setThoughtDelimiter(file.text("prompts.thought_delimiter"));
        if (file.text(at + ".jsonl").isEmpty()) {
            out.setGenerated(GeneratedFamily.newBuilder()
                    .setFamily(file.text(at + ".family"))
                    .setLevel(file.text(at + ".level"))
                    .setCount(file.count(at + ".count"))
                    .setSeed(file.integer(at + ".seed"))
                    .setSplit(file.text(at + ".split")));
        } else {
            out.setJsonlPath(file.text(at + ".jsonl"));
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
        return file.prompts();
    }

    /** Settings with the conversation that prompts stand in, if they do. */
    SamplingSettings conversing(SamplingSettings settings) {
        if (!file.flag("prompts.chat")) {
            return settings;
        }
        ChatSettings.Builder chat = ChatSettings.newBuilder()
                .setSystem(file.text("prompts.system"))
                .setAnswerSeparator(file.answerSeparator());
        file.turns()
                .forEach(turn ->
                        chat.addTurns(ChatTurn.newBuilder().setUser(turn.user()).setAssistant(turn.assistant())));
        for (String option : file.names("prompts.chat_options")) {
            int equals = option.indexOf('=');
            chat.putOptions(
                    option.substring(0, equals).strip(),
                    option.substring(equals + 1).strip());
        }
        return settings.toBuilder().setChat(chat).build();
    }

    SamplingSettings sampling(double temperature) {
        return conversing(SamplingSettings.newBuilder()
                .setTemperature(temperature)
                .setTopP(1)
                .setMaxTokens(file.count("sampling.max_tokens"))
                .setThoughtDelimiter(file.text("prompts.thought_delimiter"))
                .setMaxThoughtTokens(file.count("sampling.max_thought_tokens"))
                .setMaxThoughts(file.count("sampling.max_thoughts"))
                .build());
    }

    SamplingSettings trainSampling() {
        return sampling(file.number("sampling.temperature"));
    }

    /** How evaluations draw tokens: as training does where the file does not say. */
    SamplingSettings evaluationSampling() {
        return sampling(file.evaluationTemperature()).toBuilder()
                .setTopP(file.number("evaluation.sampling.top_p"))
                .setTopK(file.count("evaluation.sampling.top_k"))
                .setMaxTokens(file.evaluationTokens())
                .build();
    }

    /** How prompts with the beginning of their answer are encoded, see {@link RunFile#answered}, and prompts alone. */
    SamplingSettings answering() {
        SamplingSettings settings = trainSampling();
        return settings.hasChat()
                ? settings.toBuilder()
                        .setChat(settings.getChat().toBuilder().setAnswerSeparator(file.answering()))
                        .build()
                : settings;
    }

    /** Problems of each set whose oracle solutions are scored at an evaluation; 0 for none. */
    int oracleProblems() {
        return file.count("evaluation.oracle_problems");
    }

    boolean resets() {
        return file.number("resets.share") > 0;
    }

    /** Whether the unit of that number goes through the reset flow. */
    boolean resets(long number) {
        return resets() && Seeds.uniform(seeds("resets").split(number).value(), 0) < file.number("resets.share");
    }

    /** Whether localizers ask servers of their own, which no publication reaches. */
    boolean keptLocalizer() {
        return !file.text("localizer.policy").equals("current");
    }

    /** Whether those must hold the run's first policy. */
    boolean frozenLocalizer() {
        return file.text("localizer.policy").equals("frozen");
    }

    /** Work for the localizer, without what is known of one rollout only. */
    LocalizeWork.Builder localization() {
        String wording = file.text("localizer.prompt");
        return LocalizeWork.newBuilder()
                .setMode(localizerMode())
                .setEarlyThought(file.count("resets.early_thought"))
                .setNoise(file.number("resets.noise"))
                .setThoughtDelimiter(file.text("prompts.thought_delimiter"))
                .setPrompt(LocalizerPrompt.newBuilder()
                        .setTemplate(
                                wording.equals("l1") || wording.equals("l2") ? LocalizerWording.of(wording) : wording)
                        .setTemperature(file.number("localizer.temperature"))
                        .setMaxTokens(file.count("localizer.max_tokens"))
                        .setClaimTokens(file.count("localizer.claim_tokens")));
    }

    private LocalizerMode localizerMode() {
        return LocalizerMode.valueOf(
                "LOCALIZER_MODE_" + file.text("resets.localizer").toUpperCase(Locale.ROOT));
    }

    /** Tokens that a rollout from a start state may have at most. */
    int tokenLimit(StartState start) {
        int own = start.getMaxTokens();
        int all = trainSampling().getMaxTokens();
        return own > 0 && all > 0 ? Math.min(own, all) : Math.max(own, all);
    }

    /** How often a place without a signal is filled again. */
    int refills() {
        return file.count("sampling.refills");
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
                        "MIXTURE_DRAW_" + file.text("mixture.draw").toUpperCase(Locale.ROOT)))
                .setSeed(
                        attempt == 0
                                ? file.integer("seed")
                                : seeds("refill").split(attempt).nonNegative())
                .setUpdate(update)
                .setGroups(groupsPerUpdate());
        if (file.number("mixture.root") > 0) {
            out.addMixture(
                    MixturePart.newBuilder().setRoot(Root.getDefaultInstance()).setShare(file.number("mixture.root")));
        }
        if (guided()) {
            out.addMixture(MixturePart.newBuilder()
                    .setGuided(Guided.getDefaultInstance())
                    .setShare(file.number("mixture.guided")));
        }
        return out.build();
    }

    MineHardSetStart mining() {
        return MineHardSetStart.newBuilder()
                .setSource(trainSource())
                .setTemplates(templates())
                .setSamples(file.count("mining.samples"))
                .setMaxPasses(file.count("mining.max_passes"))
                .setSecondSamples(file.count("mining.second_samples"))
                .build();
    }

    SearchPrefixesStart search(List<String> problemIds) {
        return SearchPrefixesStart.newBuilder()
                .setSource(trainSource())
                .addAllProblemIds(problemIds)
                .setTemplates(templates())
                .setMode(PrefixSearchMode.valueOf(
                        "PREFIX_SEARCH_MODE_" + file.text("prefix_search.mode").toUpperCase(Locale.ROOT)))
                .setRolloutsPerCandidate(file.count("prefix_search.rollouts"))
                .setMinPasses(file.count("prefix_search.min_passes"))
                .setFallback(PrefixFallback.valueOf(
                        "PREFIX_FALLBACK_" + file.text("prefix_search.fallback").toUpperCase(Locale.ROOT)))
                .setSeed(file.integer("seed"))
                .build();
    }

    OpenRunRequest open() {
        boolean noRatio = file.text("loss.ratio").equals("none");
        return OpenRunRequest.newBuilder()
                .setRunId(runId)
                .setBasePolicy(file.text("policy.base"))
                .setSettings(LearnerSettings.newBuilder()
                        .setEstimator(EstimatorSettings.newBuilder()
                                .setName(file.text("estimator.name"))
                                .setK(file.count("estimator.k")))
                        .setLoss(LossSettings.newBuilder()
                                .setAggregation(file.text("loss.aggregation"))
                                .setRatio(file.text("loss.ratio"))
                                .setClipLow(noRatio ? 0 : file.number("loss.clip_low"))
                                .setClipHigh(noRatio ? 0 : file.number("loss.clip_high"))
                                .setDualClip(file.number("loss.dual_clip"))
                                .setKlCoefficient(file.number("loss.kl_coefficient"))
                                .setEntropyCoefficient(file.number("loss.entropy_coefficient"))
                                .setConstantLength(file.count("loss.constant_length"))
                                .setTrainGiven(file.flag("loss.train_given"))
                                .setShaping(file.refines() ? file.number("loss.shaping") : 0)
                                .mergeFrom(mismatch(file)))
                        .setOptimizer(OptimizerSettings.newBuilder()
                                .setLearningRate(file.number("optimizer.learning_rate"))
                                .setBeta1(file.number("optimizer.beta1"))
                                .setBeta2(file.number("optimizer.beta2"))
                                .setEpsilon(file.number("optimizer.epsilon"))
                                .setWeightDecay(file.number("optimizer.weight_decay"))
                                .setClipNorm(file.number("optimizer.clip_norm"))
                                .setSchedule(file.text("optimizer.schedule"))
                                .setWarmupSteps(file.integer("optimizer.warmup_steps"))
                                .setTotalSteps(file.integer("optimizer.total_steps"))
                                .setFinalShare(file.number("optimizer.final_share")))
                        .setTemperature(file.number("sampling.temperature"))
                        .setGroupsPerStep(file.count("optimizer.groups_per_step"))
                        .setEpochs(file.count("optimizer.epochs"))
                        .setMicroBatchTokens(
                                file.automatic("optimizer.micro_batch_tokens")
                                        ? 0
                                        : file.count("optimizer.micro_batch_tokens"))
                        .setCheckpointEvery(file.count("checkpoint.every"))
                        .setCheckpointsKept(file.count("checkpoint.keep"))
                        .setSeed(file.integer("seed"))
                        .setMaxLogProbDifference(
                                file.automatic("max_log_prob_difference") ? 0 : file.number("max_log_prob_difference"))
                        .setDifferenceByPrecision(file.automatic("max_log_prob_difference"))
                        .setFastAttention(file.text("precision").equals("fast"))
                        .setPrecisionBySize(file.automatic("precision"))
                        .setBackend(file.text("learner.backend"))
                        .setDjl(DjlSettings.newBuilder().setDevice(file.text("learner.djl.device")))
                        .setTorch(TorchSettings.newBuilder()
                                .setProcesses(file.count("learner.torch.processes"))
                                .setDevice(file.text("learner.torch.device"))
                                .setDtype(file.text("learner.torch.dtype"))
                                .setCheckpointing(file.flag("learner.torch.checkpointing"))
                                .setCompile(file.flag("learner.torch.compile"))
                                .setAttention(file.text("learner.torch.attention")))
                        .mergeFrom(adapters(file)))
                .build();
    }

    /** The correction for a sampler that is not the learner; nothing without one. */
    private static LossSettings mismatch(RunFile file) {
        LossSettings.Builder out = LossSettings.newBuilder();
        String rule = file.text("loss.mismatch.rule");
        if (!rule.equals("none")) {
            out.setMismatch(MismatchSettings.newBuilder()
                    .setRule(rule)
                    .setLevel(file.text("loss.mismatch.level"))
                    .setCap(file.number("loss.mismatch.cap"))
                    .setLow(file.number("loss.mismatch.low"))
                    .setHigh(file.number("loss.mismatch.high")));
        }
        return out.build();
    }

    /** The settings of adapters; none when all weights are trained. */
    private static LearnerSettings adapters(RunFile file) {
        LearnerSettings.Builder out = LearnerSettings.newBuilder();
        file.adapters()
                .ifPresent(a -> out.setLora(LoraSettings.newBuilder()
                        .setRank(a.rank())
                        .setAlpha(a.alpha())
                        .addAllTargets(a.targets())));
        return out.build();
    }

    /** Addresses of verifiers of one's own, by the key that names them. */
    Map<String, String> verifiers() {
        Map<String, String> out = new TreeMap<>();
        for (ProblemKind kind : ProblemKind.values()) {
            String address = verifier(kind);
            if (!address.isEmpty()) {
                out.put(
                        "verification.servers."
                                + kind.name()
                                        .substring("PROBLEM_KIND_".length())
                                        .toLowerCase(Locale.ROOT),
                        address);
            }
        }
        return out;
    }
}
