package io.foothold.core.settings;

import io.foothold.core.keys.Key;
import io.foothold.core.keys.RecordReader;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Losses;
import io.foothold.core.prompt.Prompts;
import io.foothold.core.verdict.RewardShaping;
import io.foothold.core.verdict.RewardTable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** All settings of a run, a record a group. Immutable. */
public final class RunSettings {
    private static final List<Class<? extends Record>> RECORDS = List.of(
            GeneralSettings.class,
            PolicySettings.class,
            ProblemSettings.class,
            PromptSettings.class,
            SftSettings.class,
            MiningSettings.class,
            PrefixSearchSettings.class,
            MixtureSettings.class,
            GuidanceSettings.class,
            LocalizerSettings.class,
            SamplingSettings.class,
            VerificationSettings.class,
            RewardTable.class,
            RewardShaping.class,
            EstimatorSettings.class,
            LossSettings.class,
            DistillationSettings.class,
            OptimizerSettings.class,
            LearnerSettings.class,
            EvaluationSettings.class,
            CheckpointSettings.class,
            AlarmSettings.class,
            WarningSettings.class);

    /** Stands between the user's message and what opens the answer: a character that no setting can hold. */
    private static final String ANSWER_SEPARATOR = "\u001e";

    private final Map<Class<?>, Record> groups = new LinkedHashMap<>();

    private RunSettings() {}

    /** The records that every run has, in the order of its keys: those of losses behind {@link LossSettings}. */
    public static List<Class<? extends Record>> records() {
        List<Class<? extends Record>> out = new ArrayList<>(RECORDS);
        out.addAll(out.indexOf(LossSettings.class) + 1, Losses.records());
        return out;
    }

    /**
     * Settings from the values of a run file.
     *
     * @param values of all keys of all records by their paths, each checked against its {@link Key}
     * @param more records besides {@link #records} and those of losses
     */
    public static RunSettings of(Map<String, String> values, List<Class<? extends Record>> more) {
        RunSettings out = new RunSettings();
        RecordReader reader = new RecordReader(values);
        List<Class<? extends Record>> all = new ArrayList<>(records());
        all.addAll(more);
        all.forEach(type -> out.groups.put(type, reader.read(type)));
        return out;
    }

    /**
     * The settings of a record.
     *
     * @throws IllegalArgumentException for one that these settings were not read for
     */
    public <R extends Record> R of(Class<R> type) {
        Record found = groups.get(type);
        if (found == null) {
            throw new IllegalArgumentException(type.getName() + " is no record of these settings");
        }
        return type.cast(found);
    }

    /** Settings of no group. */
    public GeneralSettings general() {
        return of(GeneralSettings.class);
    }

    /** What is trained. */
    public PolicySettings policy() {
        return of(PolicySettings.class);
    }

    /** What is trained on, and what is evaluated. */
    public ProblemSettings problems() {
        return of(ProblemSettings.class);
    }

    /** What is put around problems. */
    public PromptSettings prompting() {
        return of(PromptSettings.class);
    }

    /** What is imitated before the first update. */
    public SftSettings sft() {
        return of(SftSettings.class);
    }

    /** How the hard set is found. */
    public MiningSettings mining() {
        return of(MiningSettings.class);
    }

    /** How prefixes are found. */
    public PrefixSearchSettings prefixSearch() {
        return of(PrefixSearchSettings.class);
    }

    /** Where groups begin. */
    public MixtureSettings mixture() {
        return of(MixtureSettings.class);
    }

    /** Where guided start states show the oracle's thoughts. */
    public GuidanceSettings guidance() {
        return of(GuidanceSettings.class);
    }

    /** How a policy is asked for the first wrong thought. */
    public LocalizerSettings localizer() {
        return of(LocalizerSettings.class);
    }

    /** How training samples. */
    public SamplingSettings sampling() {
        return of(SamplingSettings.class);
    }

    /** How answers are judged. */
    public VerificationSettings verification() {
        return of(VerificationSettings.class);
    }

    /** Rewards by verdict and end, of the rule {@code table}. */
    public RewardTable rewardTable() {
        return of(RewardTable.class);
    }

    /** What lengths do to rewards. */
    public RewardShaping rewardShaping() {
        return of(RewardShaping.class);
    }

    /** What members of a group are compared by. */
    public EstimatorSettings estimator() {
        return of(EstimatorSettings.class);
    }

    /** How credit becomes a loss. */
    public LossSettings loss() {
        return of(LossSettings.class);
    }

    /**
     * How credit becomes a loss, as the learner is told.
     *
     * @param offPolicy whether the method trains rollouts under another prompt than they were sampled with
     */
    public LossRule lossRule(boolean offPolicy) {
        LossSettings own = loss();
        return new LossRule(
                own.weights().aggregation(),
                own.weights().constantLength(),
                Losses.of(own.name(), own.clips().clips(Losses.kind(own.name())), this::of),
                own.regularisers().klCoefficient(),
                own.regularisers().entropyCoefficient(),
                offPolicy ? own.shaping() : 0);
    }

    /** The values of the settings that the loss has of its own, by their paths. */
    public Map<String, String> lossValues() {
        return Losses.ownValues(loss().name(), this::of);
    }

    /** What the policy teaches itself. */
    public DistillationSettings distillation() {
        return of(DistillationSettings.class);
    }

    /** How gradients become steps. */
    public OptimizerSettings optimizer() {
        return of(OptimizerSettings.class);
    }

    /** What computes. */
    public LearnerSettings learner() {
        return of(LearnerSettings.class);
    }

    /** When and how the policy is evaluated. */
    public EvaluationSettings evaluation() {
        return of(EvaluationSettings.class);
    }

    /** When the learner's state is kept. */
    public CheckpointSettings checkpoint() {
        return of(CheckpointSettings.class);
    }

    /** What stops a run. */
    public AlarmSettings alarms() {
        return of(AlarmSettings.class);
    }

    /** What a run warns of. */
    public WarningSettings warnings() {
        return of(WarningSettings.class);
    }

    /** Whether some start states are guided. */
    public boolean guided() {
        return mixture().guided() > 0;
    }

    /** Whether prefixes of oracle solutions are searched: to train behind them, or to imitate what passes behind them. */
    public boolean searchesPrefixes() {
        return guided() || sft().sampled();
    }

    /** Whether a guided answer begins with the oracle's thoughts. */
    public boolean prefills() {
        return guidance().form() == GuidanceSettings.Form.PREFILL;
    }

    /** Softmax temperature of an evaluation. */
    public double evaluationTemperature() {
        return evaluation().sampling().temperature().orElse(sampling().temperature());
    }

    /** Limit of sampled tokens of an evaluation's answers; 0 takes the problem's own. */
    public int evaluationTokens() {
        return evaluation().sampling().maxTokens().orElse(sampling().maxTokens());
    }

    /** What stands between the user's message and what opens the answer in a conversation; empty where nothing does. */
    public String answerSeparator() {
        return prefills() ? answering() : "";
    }

    /** What is put around problems; the guided part is empty when there is none. */
    public Prompts prompts() {
        String root = prompting().root();
        return new Prompts(
                root,
                prefills() ? root + answerSeparator() + "{prefix}" : prompting().guided());
    }

    /** The prompt of a problem with the beginning of its answer, to be encoded with {@link #answering}. */
    public String answered(String statement, String answer) {
        return prompts().root(statement) + answering() + answer;
    }

    /** What stands before the answer in a prompt of {@link #answered}; empty where it follows as it is. */
    public String answering() {
        return prompting().chat() ? ANSWER_SEPARATOR : "";
    }
}
