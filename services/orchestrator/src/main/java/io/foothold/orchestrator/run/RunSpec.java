package io.foothold.orchestrator.run;

import io.foothold.core.method.ChosenMethod;
import io.foothold.core.method.ResetSettings;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.prompt.Prompts;
import io.foothold.core.random.Seeds;
import io.foothold.core.settings.LocalizerSettings;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.core.settings.PromptSettings;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.settings.ScorerSettings;
import io.foothold.core.settings.SeveralRewards;
import io.foothold.core.settings.VerificationSettings;
import io.foothold.core.verdict.RewardRule;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.remote.Augmentation;
import io.foothold.orchestrator.remote.Localizer;
import io.foothold.orchestrator.remote.Verifier;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.runfile.RunFile;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.TreeMap;

/** A resolved run file, and what a run asks its services for by it. */
final class RunSpec {
    private final String runId;
    private final RunFile file;
    private final RunSettings settings;
    private final ChosenMethod chosen;
    private final Optional<Verifier.Scorer> scorer;
    private final SeveralRewards rewards;
    private final Map<String, Verifier.Scorer> scorers = new LinkedHashMap<>();

    RunSpec(String runId, RunFile file) {
        this.runId = runId;
        this.file = file;
        this.settings = file.settings();
        this.chosen = new ChosenMethod(settings);
        this.rewards = settings.verification().severalRewards();
        VerificationSettings verification = settings.verification();
        verification
                .scorers()
                .forEach((key, s) -> scorers.put(
                        key, Verifier.Scorer.of(s, verification.function().passScore())));
        this.scorer = verification.scorer().map(s -> Objects.requireNonNull(scorers.get("verification." + s.key())));
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

    /**
     * The reward of a verdict; empty for one that judges nothing.
     *
     * @param uniform see {@link RewardRule#reward}
     */
    private OptionalDouble reward(Verdict verdict, boolean truncated, double uniform) {
        return settings.general().reward().reward(verdict, truncated, uniform, settings.rewardTable());
    }

    /**
     * The reward of a rollout that was judged: of its verdict, or the sum of several.
     *
     * @param uniform see {@link RewardRule#reward}
     */
    OptionalDouble reward(Judged judged, double uniform) {
        Verdict verdict = judged.verdict();
        if (verdict == null || judged.rollout() == null || !judged.judged()) {
            return OptionalDouble.empty();
        }
        return rewards.parts().isEmpty()
                ? reward(verdict, !judged.finished(), uniform)
                : OptionalDouble.of(rewards.sum(judged.rewards()));
    }

    /** Several rewards of the run; none where the verdict's is the only one. */
    SeveralRewards rewards() {
        return rewards;
    }

    /** The same of a rollout, see {@link SeveralRewards#values}. */
    SequencedMap<String, Double> rewards(Verdict verdict, boolean truncated, Map<String, Double> apart) {
        // The rule that draws a coin is refused beside several rewards.
        return rewards.values(reward(verdict, truncated, 0).orElseThrow(), truncated, apart);
    }

    /** Functions, judges and reward models of the run file, by the keys that name them. */
    Map<String, Verifier.Scorer> scorers() {
        return scorers;
    }

    /** What gives a reward that is judged apart. */
    Verifier.Scorer scorerOf(int reward) {
        String item = "verification.rewards." + (reward + 1) + ".";
        ScorerSettings given = rewards.parts().get(reward).scorer().orElseThrow();
        return Objects.requireNonNull(scorers.get(item + given.key()), item);
    }

    /** Address of the verifier for problems of a kind; empty for the standard one. */
    String verifier(ProblemKind kind) {
        return settings.verification().servers().getOrDefault(kind.name().toLowerCase(Locale.ROOT), "");
    }

    /** What judges responses to problems of a kind in place of a verifier's rules; empty where those do. */
    Optional<Verifier.Scorer> scorer(ProblemKind kind) {
        return verifier(kind).isEmpty() ? scorer : Optional.empty();
    }

    String verificationOptions() {
        return settings.verification().options();
    }

    /** A problem set by its key, see {@link ProblemSettings#at}. */
    Augmentation.Source source(String at) {
        return new Augmentation.Source(
                settings.problems().at(at), settings.prompting().thoughtDelimiter());
    }

    Augmentation.Source trainSource() {
        return source("problems.train");
    }

    /** What prompts are made of here. */
    Prompts prompts() {
        return settings.prompts();
    }

    /** The conversation that prompts stand in, if they do. */
    private Optional<Sampling.Chat> chat(String answerSeparator) {
        PromptSettings prompts = settings.prompting();
        if (!prompts.chat()) {
            return Optional.empty();
        }
        Map<String, String> options = new LinkedHashMap<>();
        for (String option : prompts.chatOptions()) {
            int equals = option.indexOf('=');
            options.put(
                    option.substring(0, equals).strip(),
                    option.substring(equals + 1).strip());
        }
        return Optional.of(new Sampling.Chat(prompts.system(), options, prompts.turns(), answerSeparator));
    }

    /** The same in the conversation that prompts stand in, if they do. */
    Sampling conversing(Sampling sampling) {
        return sampling.in(chat(settings.answerSeparator()));
    }

    private Sampling sampling(double temperature) {
        return conversing(new Sampling(
                temperature,
                1,
                0,
                settings.sampling().maxTokens(),
                new Sampling.Thoughts(
                        settings.prompting().thoughtDelimiter(),
                        settings.sampling().maxThoughtTokens(),
                        settings.sampling().maxThoughts()),
                List.of(),
                Optional.empty()));
    }

    Sampling trainSampling() {
        return sampling(settings.sampling().temperature());
    }

    /** How evaluations draw tokens: as training does where the file does not say. */
    Sampling evaluationSampling() {
        return sampling(settings.evaluationTemperature())
                .withSupport(
                        settings.evaluation().sampling().topP(),
                        settings.evaluation().sampling().topK())
                .withMaxTokens(settings.evaluationTokens());
    }

    /** How prompts with the beginning of their answer are encoded, see {@link RunSettings#answered}, and prompts alone. */
    Sampling answering() {
        return trainSampling().in(chat(settings.answering()));
    }

    /** Problems of each set whose oracle solutions are scored at an evaluation; 0 for none. */
    int oracleProblems() {
        return settings.evaluation().oracleProblems();
    }

    /** Whether oracle solutions are trained. */
    boolean givesSolutions() {
        return chosen.givesSolutions();
    }

    /** Whether failed rollouts are localized. */
    boolean localizes() {
        return chosen.localizes();
    }

    /** Whether the run's own method fills the place of that number; else it is filled plainly. */
    boolean own(long number) {
        return Seeds.uniform(seeds("resets").split(number).value(), 0) < chosen.share();
    }

    /** Whether failed rollouts are compared with oracle solutions. */
    boolean comparesWithOracle() {
        return localizing().compareWithOracle();
    }

    private ResetSettings.Localizing localizing() {
        return settings.of(ResetSettings.class).localizing();
    }

    /** Whether localizers ask servers of their own, which no publication reaches. */
    boolean keptLocalizer() {
        return settings.localizer().policy() != LocalizerSettings.Answerer.CURRENT;
    }

    /** Whether those must hold the run's first policy. */
    boolean frozenLocalizer() {
        return settings.localizer().policy() == LocalizerSettings.Answerer.FROZEN;
    }

    /** How the localizer names thoughts. */
    Localizer.Manner localization() {
        ResetSettings.Localizing own = localizing();
        String wording = settings.localizer().prompt();
        return new Localizer.Manner(
                Localizer.Mode.valueOf(own.localizer().toUpperCase(Locale.ROOT)),
                own.earlyThought(),
                own.noise(),
                settings.prompting().thoughtDelimiter(),
                new Localizer.Wording(
                        wording.equals("l1") || wording.equals("l2") ? LocalizerWording.of(wording) : wording,
                        settings.localizer().temperature(),
                        settings.localizer().maxTokens(),
                        settings.localizer().claimTokens()));
    }

    /** Tokens that a rollout from a start state may have at most. */
    int tokenLimit(PromptedStart start) {
        return trainSampling().limit(start.maxTokens());
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
    Augmentation.Draw draw(long update, int attempt, String problemSet) {
        return new Augmentation.Draw(
                trainSource(),
                problemSet,
                prompts(),
                settings.mixture(),
                attempt == 0
                        ? settings.general().seed()
                        : seeds("refill").split(attempt).nonNegative(),
                update,
                groupsPerUpdate());
    }

    Augmentation.Mining mining() {
        return new Augmentation.Mining(trainSource(), prompts(), settings.mining());
    }

    Augmentation.Search search(List<String> problemIds) {
        return new Augmentation.Search(
                trainSource(),
                problemIds,
                prompts(),
                settings.prefixSearch(),
                settings.general().seed());
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
