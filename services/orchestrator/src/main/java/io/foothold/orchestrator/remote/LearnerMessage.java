package io.foothold.orchestrator.remote;

import io.foothold.core.loss.Clips;
import io.foothold.core.loss.Distillation;
import io.foothold.core.loss.LossKind;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Losses;
import io.foothold.core.method.ChosenMethod;
import io.foothold.core.settings.OptimizerSettings;
import io.foothold.core.settings.RunSettings;
import io.foothold.v1.DistillationSettings;
import io.foothold.v1.DjlSettings;
import io.foothold.v1.EstimatorSettings;
import io.foothold.v1.LearnerSettings;
import io.foothold.v1.LoraSettings;
import io.foothold.v1.LossSettings;
import io.foothold.v1.MismatchSettings;
import io.foothold.v1.OpenRunRequest;
import io.foothold.v1.PromptedSolution;
import io.foothold.v1.SftSettings;
import io.foothold.v1.TorchSettings;
import java.util.List;
import java.util.Locale;

/**
 * A run's settings as the learner is told them. A run that was begun in an earlier version must be told the same to the byte, or it does
 * not go on: a setting that is new is left out where it has its default.
 */
final class LearnerMessage {
    private final RunSettings settings;

    /** That of a run's settings. */
    LearnerMessage(RunSettings settings) {
        this.settings = settings;
    }

    /**
     * What opens a run.
     *
     * @param imitated solutions to fine-tune on first; without any there is no fine-tuning
     */
    OpenRunRequest open(String runId, List<PromptedSolution> imitated) {
        OptimizerSettings.Steps steps = settings.optimizer().steps();
        LearnerSettings.Builder out = LearnerSettings.newBuilder()
                .setEstimator(EstimatorSettings.newBuilder()
                        .setName(settings.estimator().name())
                        .setK(settings.estimator().k())
                        .addAllWeights(settings.verification().severalRewards().weights()))
                .setLoss(loss())
                .setOptimizer(optimizer())
                .setTemperature(settings.sampling().temperature())
                .setGroupsPerStep(steps.groupsPerStep())
                .setEpochs(steps.epochs())
                .setMicroBatchTokens(steps.microBatchTokens().orElse(0))
                .setCheckpointEvery(settings.checkpoint().every())
                .setCheckpointsKept(settings.checkpoint().keep())
                .setSeed(settings.general().seed())
                .setBackend(settings.learner().backend())
                .setDjl(DjlSettings.newBuilder()
                        .setDevice(settings.learner().djl().device()))
                .setTorch(torch());
        agreement(out);
        adapters(out);
        if (settings.sft().asked() && !imitated.isEmpty()) {
            out.setSft(SftSettings.newBuilder()
                    .setEpochs(settings.sft().epochs())
                    .setSolutionsPerStep(settings.sft().solutionsPerStep())
                    .setLearningRate(settings.sft().learningRate()));
        }
        Distillation distillation = settings.distillation().distillation();
        if (distillation.teaches()) {
            out.setDistillation(DistillationSettings.newBuilder()
                    .setWeight(distillation.weight())
                    .setRewards(distillation.rewards()));
        }
        return OpenRunRequest.newBuilder()
                .setRunId(runId)
                .setBasePolicy(settings.policy().base())
                .setSettings(out)
                .addAllSolutions(imitated)
                .build();
    }

    private LossSettings loss() {
        io.foothold.core.settings.LossSettings own = settings.loss();
        LossRule rule = settings.lossRule(new ChosenMethod(settings).trainsOffPolicy());
        LossKind<?> kind = Losses.kind(own.name());
        Clips clips = own.clips().clips(kind);
        LossSettings.Builder out = LossSettings.newBuilder()
                .setAggregation(word(rule.aggregation()))
                .setRatio(kind.formerly().isEmpty() ? kind.name() : kind.formerly())
                .setClipLow(clips.low())
                .setClipHigh(clips.high())
                // Earlier versions said it also where there is no ratio, and it means nothing there.
                .setDualClip(
                        kind.formerly().isEmpty() ? clips.dual() : own.clips().dualClip())
                .setKlCoefficient(rule.klCoefficient())
                .setEntropyCoefficient(rule.entropyCoefficient())
                .setConstantLength(rule.constantLength())
                .setTrainGiven(own.ablations().trainGiven())
                .setShaping(rule.shaping())
                .setMaskTruncated(own.weights().maskTruncated())
                .putAllOwn(settings.lossValues());
        if (own.mismatch().corrects()) {
            out.setMismatch(MismatchSettings.newBuilder()
                    .setRule(own.mismatch().rule())
                    .setLevel(word(own.mismatch().level()))
                    .setCap(own.mismatch().cap())
                    .setLow(own.mismatch().low())
                    .setHigh(own.mismatch().high()));
        }
        return out.build();
    }

    private io.foothold.v1.OptimizerSettings optimizer() {
        OptimizerSettings.AdamW adamw = settings.optimizer().adamw();
        OptimizerSettings.Schedule schedule = settings.optimizer().schedule();
        return io.foothold.v1.OptimizerSettings.newBuilder()
                .setLearningRate(adamw.learningRate())
                .setBeta1(adamw.beta1())
                .setBeta2(adamw.beta2())
                .setEpsilon(adamw.epsilon())
                .setWeightDecay(adamw.weightDecay())
                .setClipNorm(adamw.clipNorm())
                .setSchedule(schedule.schedule())
                .setWarmupSteps(schedule.warmupSteps())
                .setTotalSteps(schedule.totalSteps())
                .setFinalShare(schedule.finalShare())
                .build();
    }

    private TorchSettings torch() {
        io.foothold.core.settings.LearnerSettings.Torch torch =
                settings.learner().torch();
        return TorchSettings.newBuilder()
                .setProcesses(torch.processes())
                .setDevice(torch.device())
                .setDtype(torch.dtype())
                .setCheckpointing(torch.checkpointing())
                .setCompile(torch.compile())
                .setAttention(torch.attention())
                .build();
    }

    /** How closely learner and sampler agree. */
    private void agreement(LearnerSettings.Builder out) {
        String precision = settings.general().agreement().precision();
        out.setMaxLogProbDifference(
                        settings.general().agreement().maxLogProbDifference().orElse(0))
                .setDifferenceByPrecision(
                        settings.general().agreement().maxLogProbDifference().isEmpty())
                .setFastAttention(precision.equals("fast"))
                .setPrecisionBySize(precision.equals("auto"));
    }

    /** The settings of adapters; none when all weights are trained. */
    private void adapters(LearnerSettings.Builder out) {
        OptimizerSettings.Lora lora = settings.optimizer().lora();
        if (lora.trained()) {
            out.setLora(LoraSettings.newBuilder()
                    .setRank(lora.rank())
                    .setAlpha(lora.scale())
                    .addAllTargets(lora.targets()));
        }
    }

    /** The name of a choice, as the contracts have it. */
    private static String word(Enum<?> choice) {
        return choice.name().toLowerCase(Locale.ROOT);
    }
}
