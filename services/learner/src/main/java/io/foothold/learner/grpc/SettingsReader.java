package io.foothold.learner.grpc;

import com.google.protobuf.TextFormat;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.Clips;
import io.foothold.core.loss.Distillation;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Losses;
import io.foothold.core.loss.MismatchRule;
import io.foothold.learner.torch.BackendChoice;
import io.foothold.learner.torch.TorchOptions;
import io.foothold.learner.train.RunSettings;
import io.foothold.learner.train.Schedule;
import io.foothold.policy.CausalModel;
import io.foothold.policy.ComputeDevice;
import io.foothold.policy.Lora;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.ModelSize;
import io.foothold.policy.Precision;
import io.foothold.policy.TrainingSize;
import io.foothold.v1.*;
import java.nio.file.Path;
import java.util.Optional;

/** A run's settings as they come in, read for the learner. */
final class SettingsReader {
    private SettingsReader() {}

    /** Where the embedded backend computes. */
    static ComputeDevice device(LearnerSettings s) {
        String named = s.getDjl().getDevice();
        return named.isEmpty() ? ComputeDevice.CPU : ComputeDevice.of("learner.djl.device", named);
    }

    /** How torch computes the run; empty when the embedded backend does. */
    static Optional<TorchOptions> torch(LearnerSettings s, Path base) {
        TorchSettings t = s.getTorch();
        return BackendChoice.of(s.getBackend(), base).torch()
                ? Optional.of(new TorchOptions(
                        t.getProcesses(),
                        t.getDevice(),
                        t.getDtype(),
                        t.getCheckpointing(),
                        t.getCompile(),
                        t.getAttention()))
                : Optional.empty();
    }

    /**
     * The settings of a run that torch computes, whose model the embedded transformer need not know. Its products are never those of the
     * sampler to the bit.
     */
    static RunSettings torchSettings(LearnerSettings s, Path base) {
        LearnerSettings.Builder known = s.toBuilder().setPrecisionBySize(false).setFastAttention(true);
        ModelSize size = CausalModel.openForTorch(base).size();
        if (s.getMicroBatchTokens() == 0) {
            known.setMicroBatchTokens(size.microBatchTokens());
        }
        if (s.hasLora() && !size.torchOnly()) {
            known.setLora(withTargets(s.getLora()));
        }
        return settings(
                known.build(),
                Precision.FAST,
                known.getMicroBatchTokens(),
                text(s.hasLora() ? s.toBuilder().setLora(known.getLora()).build() : s, true));
    }

    /** Every linear layer by its name where none is named. */
    private static LoraSettings withTargets(LoraSettings s) {
        return s.toBuilder()
                .clearTargets()
                .addAllTargets(new Lora(s.getRank(), s.getAlpha(), s.getTargetsList())
                        .embedded()
                        .targets())
                .build();
    }

    static RunSettings settings(LearnerSettings given, ModelConfig config) {
        LearnerSettings s = given.hasLora()
                ? given.toBuilder().setLora(withTargets(given.getLora())).build()
                : given;
        Precision precision = s.getPrecisionBySize()
                ? Precision.standard(config)
                : s.getFastAttention() ? Precision.FAST : Precision.EXACT;
        return settings(
                s,
                precision,
                s.getMicroBatchTokens() == 0 ? TrainingSize.microBatchTokens(config) : s.getMicroBatchTokens(),
                text(s, false));
    }

    /** What a resumed run must have as it was; how many processes compute, on what and in which pieces is no part of it. */
    private static String text(LearnerSettings s, boolean torch) {
        LearnerSettings.Builder kept = s.toBuilder().clearBackend().clearTorch().clearDjl();
        if (torch) {
            kept.clearMicroBatchTokens()
                    .setBackend("torch")
                    .setTorch(TorchSettings.newBuilder().setDtype(s.getTorch().getDtype()));
        }
        return TextFormat.printer().printToString(kept.build());
    }

    private static RunSettings settings(LearnerSettings s, Precision precision, int microBatchTokens, String text) {
        LossSettings l = s.getLoss();
        OptimizerSettings o = s.getOptimizer();
        RunSettings.Learning learning = new RunSettings.Learning(
                AdvantageEstimator.named(
                        s.getEstimator().getName(), s.getEstimator().getK()),
                loss(l),
                mismatch(l),
                s.getTemperature(),
                l.getTrainGiven(),
                l.getMaskTruncated(),
                s.hasDistillation()
                        ? new Distillation(
                                s.getDistillation().getWeight(),
                                s.getDistillation().getRewards())
                        : Distillation.NONE,
                s.getEstimator().getWeightsList());
        return new RunSettings(
                learning,
                new RunSettings.Optimizer(
                        new Schedule(
                                Schedule.shapeNamed(o.getSchedule()),
                                o.getLearningRate(),
                                o.getWarmupSteps(),
                                o.getTotalSteps(),
                                o.getFinalShare()),
                        o.getBeta1(),
                        o.getBeta2(),
                        o.getEpsilon(),
                        o.getWeightDecay(),
                        o.getClipNorm()),
                new RunSettings.Steps(s.getGroupsPerStep(), s.getEpochs(), microBatchTokens),
                new RunSettings.Checkpoints(s.getCheckpointEvery(), s.getCheckpointsKept()),
                new RunSettings.Computation(
                        precision,
                        s.getDifferenceByPrecision()
                                ? precision.largestDifference(
                                        learning.mismatch().corrects())
                                : s.getMaxLogProbDifference()),
                s.hasLora()
                        ? Optional.of(new Lora(
                                s.getLora().getRank(),
                                s.getLora().getAlpha(),
                                s.getLora().getTargetsList()))
                        : Optional.empty(),
                s.getSeed(),
                text);
    }

    private static LossRule loss(LossSettings l) {
        return new LossRule(
                LossRule.Aggregation.named(l.getAggregation()),
                l.getConstantLength(),
                Losses.of(l.getRatio(), new Clips(l.getClipLow(), l.getClipHigh(), l.getDualClip()), l.getOwnMap()),
                l.getKlCoefficient(),
                l.getEntropyCoefficient(),
                l.getShaping());
    }

    private static MismatchRule mismatch(LossSettings l) {
        return l.hasMismatch()
                ? MismatchRule.named(
                        l.getMismatch().getRule(),
                        l.getMismatch().getLevel(),
                        l.getMismatch().getCap(),
                        l.getMismatch().getLow(),
                        l.getMismatch().getHigh())
                : new MismatchRule.None();
    }
}
