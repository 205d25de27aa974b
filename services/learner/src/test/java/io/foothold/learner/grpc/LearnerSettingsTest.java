package io.foothold.learner.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.TextFormat;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.Clips;
import io.foothold.core.loss.Distillation;
import io.foothold.core.loss.Gspo;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.core.loss.PolicyGradient;
import io.foothold.learner.TinyRun;
import io.foothold.learner.train.RunSettings;
import io.foothold.learner.train.Schedule;
import io.foothold.policy.Lora;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.Precision;
import io.foothold.v1.DjlSettings;
import io.foothold.v1.EstimatorSettings;
import io.foothold.v1.LearnerSettings;
import io.foothold.v1.LoraSettings;
import io.foothold.v1.LossSettings;
import io.foothold.v1.MismatchSettings;
import io.foothold.v1.OptimizerSettings;
import io.foothold.v1.TorchSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Settings as they come over the wire: each counts, each has its place, and what cannot be meant is refused. */
class LearnerSettingsTest {
    private static final ModelConfig SMALL =
            ModelConfig.qwen3(38, 32, 64, 2, 4, 2, 8, 64).endingWith(List.of(1));

    private static RunSettings settings(LearnerSettings settings) {
        return SettingsReader.settings(settings, SMALL);
    }

    /** Every field is set, and no two numbers are the same. */
    private static LearnerSettings.Builder all() {
        return LearnerSettings.newBuilder()
                .setEstimator(EstimatorSettings.newBuilder()
                        .setName("pass_at_k")
                        .setK(3)
                        .addWeights(1)
                        .addWeights(0.25))
                .setLoss(LossSettings.newBuilder()
                        .setAggregation("constant_length")
                        .setRatio("none")
                        .setClipLow(0.21)
                        .setClipHigh(0.28)
                        .setDualClip(3.5)
                        .setKlCoefficient(0.011)
                        .setEntropyCoefficient(0.012)
                        .setConstantLength(77)
                        .setTrainGiven(true)
                        .setShaping(0.13)
                        .setMaskTruncated(true))
                .setOptimizer(OptimizerSettings.newBuilder()
                        .setLearningRate(2e-6)
                        .setBeta1(0.91)
                        .setBeta2(0.96)
                        .setEpsilon(1e-7)
                        .setWeightDecay(0.014)
                        .setClipNorm(0.9)
                        .setSchedule("cosine")
                        .setWarmupSteps(5)
                        .setTotalSteps(55)
                        .setFinalShare(0.15))
                .setTemperature(0.8)
                .setGroupsPerStep(4)
                .setEpochs(2)
                .setMicroBatchTokens(4096)
                .setCheckpointEvery(6)
                .setCheckpointsKept(7)
                .setSeed(99)
                .setMaxLogProbDifference(0.016)
                .setFastAttention(true)
                .setLora(LoraSettings.newBuilder().setRank(8).setAlpha(32).addTargets("q_proj"))
                .setBackend("torch")
                .setDjl(DjlSettings.newBuilder().setDevice("cuda:0"))
                .setTorch(TorchSettings.newBuilder()
                        .setProcesses(2)
                        .setDevice("cpu")
                        .setDtype("float32")
                        .setCheckpointing(true)
                        .setAttention("sdpa"));
    }

    @Test
    void everyFieldHasItsPlace() {
        LearnerSettings settings = all().build();
        assertThat(settings(settings))
                .isEqualTo(new RunSettings(
                        new RunSettings.Learning(
                                new AdvantageEstimator.PassAtKWeights(3),
                                new LossRule(
                                        LossRule.Aggregation.CONSTANT_LENGTH,
                                        77,
                                        new PolicyGradient(),
                                        0.011,
                                        0.012,
                                        0.13),
                                new MismatchRule.None(),
                                0.8,
                                true,
                                true,
                                Distillation.NONE,
                                List.of(1.0, 0.25)),
                        new RunSettings.Optimizer(
                                new Schedule(Schedule.Shape.COSINE, 2e-6, 5, 55, 0.15), 0.91, 0.96, 1e-7, 0.014, 0.9),
                        new RunSettings.Steps(4, 2, 4096),
                        new RunSettings.Checkpoints(6, 7),
                        new RunSettings.Computation(Precision.FAST, 0.016),
                        Optional.of(new Lora(8, 32, List.of("q_proj"))),
                        99,
                        TextFormat.printer()
                                .printToString(all().clearBackend()
                                        .clearTorch()
                                        .clearDjl()
                                        .build())));
        assertThat(settings(all().clearLora().setFastAttention(false).build()))
                .satisfies(s -> assertThat(s.lora()).isEmpty())
                .satisfies(s -> assertThat(s.computation().precision()).isEqualTo(Precision.EXACT));
    }

    @Test
    void adaptersWithoutTargetsHaveAllOfTheEmbeddedModelsAndNoUnknownOnes() {
        RunSettings named = settings(
                all().setLora(all().getLora().toBuilder().clearTargets().addAllTargets(Lora.ALL))
                        .build());
        assertThat(settings(all().setLora(all().getLora().toBuilder().clearTargets())
                        .build()))
                .as("its text too: a checkpoint belongs to either")
                .isEqualTo(named);
        assertThatThrownBy(
                        () -> settings(all().setLora(all().getLora().toBuilder().addTargets("query_key_value"))
                                .build()))
                .hasMessageContaining("LoRA target 'query_key_value' is not known (expected some of [q_proj,");
    }

    private static final Map<String, Object> OTHER_TEXTS = Map.ofEntries(
            Map.entry("name", "mean"),
            Map.entry("aggregation", "token_mean"),
            Map.entry("ratio", "none"),
            Map.entry("schedule", "linear"),
            Map.entry("targets", "v_proj"),
            Map.entry("rule", "truncate"),
            Map.entry("level", "sequence"),
            Map.entry("backend", "djl"),
            Map.entry("device", "cuda:1"),
            Map.entry("dtype", "bfloat16"),
            Map.entry("attention", "eager"));

    /** Another value of a field that is right too. */
    private static Object other(FieldDescriptor field, Object value) {
        return switch (field.getJavaType()) {
            case INT -> (Integer) value + 1;
            case LONG -> (Long) value + 1;
            case DOUBLE -> (Double) value * 1.01;
            case BOOLEAN -> !(Boolean) value;
            case STRING -> OTHER_TEXTS.get(field.getName());
            case FLOAT, BYTE_STRING, ENUM, MESSAGE ->
                throw new IllegalStateException("a field of a new type: " + field);
        };
    }

    private static void changed(Message.Builder in, String path, List<String> paths, Runnable check) {
        for (FieldDescriptor field : in.getDescriptorForType().getFields()) {
            String name = path + field.getName();
            if (field.getJavaType() == FieldDescriptor.JavaType.MESSAGE) {
                if (field.isMapField() || !in.hasField(field)) {
                    continue;
                }
                changed(in.getFieldBuilder(field), name + ".", paths, check);
                continue;
            }
            Object before = field.isRepeated() ? in.getRepeatedField(field, 0) : in.getField(field);
            set(in, field, other(field, before));
            paths.add(name);
            check.run();
            set(in, field, before);
        }
    }

    private static void set(Message.Builder in, FieldDescriptor field, Object value) {
        if (field.isRepeated()) {
            in.setRepeatedField(field, 0, value);
        } else {
            in.setField(field, value);
        }
    }

    /** A field that is added to the contract and not read is found here. */
    @Test
    void everyFieldCounts() {
        LearnerSettings.Builder settings = all();
        List<String> paths = new ArrayList<>();
        String before = meaning(settings);
        List<String> ignored = new ArrayList<>();
        changed(settings, "", paths, () -> {
            if (meaning(settings).equals(before)) {
                ignored.add(paths.get(paths.size() - 1));
            }
        });
        assertThat(paths).hasSizeGreaterThan(30);
        // There is one loss here with which given tokens can be trained, and it does not clip.
        assertThat(ignored).containsExactly("loss.ratio", "loss.clip_low", "loss.clip_high", "loss.dual_clip");
        assertThat(settings(all().setLoss(all().getLossBuilder()
                                        .setTrainGiven(false)
                                        .setRatio("sequence"))
                                .build())
                        .loss()
                        .loss())
                .isEqualTo(new Gspo(new Clips(0.21, 0.28, 3.5)));
    }

    private static LearnerSettings.Builder correcting(String rule) {
        LearnerSettings.Builder out = all();
        out.getLossBuilder()
                .setTrainGiven(false)
                .setMismatch(MismatchSettings.newBuilder()
                        .setRule(rule)
                        .setLevel("token")
                        .setCap(2.5)
                        .setLow(0.25)
                        .setHigh(3));
        return out;
    }

    @Test
    void everyFieldOfAMismatchRuleCountsWhereItIsMeant() {
        for (String rule : List.of("mask", "truncate")) {
            LearnerSettings.Builder settings = correcting(rule);
            List<String> ignored = new ArrayList<>();
            List<String> paths = new ArrayList<>();
            String before = meaning(settings);
            changed(settings.getLossBuilder().getMismatchBuilder(), "", paths, () -> {
                if (meaning(settings).equals(before)) {
                    ignored.add(paths.get(paths.size() - 1));
                }
            });
            assertThat(paths).containsExactly("rule", "level", "cap", "low", "high");
            if (rule.equals("mask")) {
                assertThat(ignored).containsExactly("cap");
            } else {
                // Another rule of the same name as this one is none.
                assertThat(ignored).containsExactly("rule", "low", "high");
            }
        }
        for (boolean fast : new boolean[] {false, true}) {
            assertThat(settings(correcting("mask")
                                    .setFastAttention(fast)
                                    .setDifferenceByPrecision(true)
                                    .build())
                            .computation()
                            .maxLogProbDifference())
                    .isEqualTo(fast ? Double.POSITIVE_INFINITY : 1e-5);
        }
        assertThat(settings(correcting("none").setDifferenceByPrecision(true).build())
                        .computation()
                        .maxLogProbDifference())
                .isEqualTo(1e-2);
        assertThat(settings(correcting("none").build()).mismatch()).isEqualTo(new MismatchRule.None());
        assertThatThrownBy(() -> settings(correcting("mask")
                        .setLoss(correcting("mask").getLossBuilder().setTrainGiven(true))
                        .build()))
                .hasMessageContaining("train_given needs the mismatch rule none");
        assertThatThrownBy(() -> settings(correcting("clip").build())).hasMessageContaining("mismatch rule 'clip'");
    }

    private static String meaning(LearnerSettings.Builder settings) {
        String all = settings(settings.build()).toString();
        return all.substring(0, all.indexOf(", text="))
                + SettingsReader.torch(settings.build(), Path.of("base"))
                + SettingsReader.device(settings.build());
    }

    @Test
    void aRunOfTorchMayGoOnInOtherPieces(@TempDir Path scratch) {
        Path base = TinyRun.policy(scratch).path();
        LearnerSettings one = all().setMicroBatchTokens(512).build();
        LearnerSettings other = one.toBuilder()
                .setMicroBatchTokens(300)
                .setTorch(one.getTorch().toBuilder().setProcesses(7))
                .build();
        assertThat(SettingsReader.torchSettings(other, base).text())
                .isEqualTo(SettingsReader.torchSettings(one, base).text());
        assertThat(settings(other.toBuilder().setBackend("djl").build()).text())
                .isNotEqualTo(
                        settings(one.toBuilder().setBackend("djl").build()).text());
    }

    private static Arguments wrong(String said, Consumer<LearnerSettings.Builder> change) {
        return Arguments.of(said, change);
    }

    static Stream<Arguments> wrongValues() {
        List<Arguments> out = new ArrayList<>(List.of(
                wrong("unknown estimator 'median'", s -> s.getEstimatorBuilder().setName("median")),
                wrong("unknown estimator ''", LearnerSettings.Builder::clearEstimator),
                wrong("unknown aggregation 'mean'", s -> s.getLossBuilder().setAggregation("mean")),
                wrong("unknown loss 'pppo'", s -> s.getLossBuilder().setRatio("pppo")),
                wrong("unknown schedule 'step'", s -> s.getOptimizerBuilder().setSchedule("step")),
                wrong("train_given needs a loss without a ratio", s -> s.getLossBuilder()
                        .setRatio("token")),
                wrong("dual clip must be above 1", s -> s.getLossBuilder().setDualClip(1)),
                wrong("constant_length needs a length", s -> s.getLossBuilder().setConstantLength(0)),
                wrong("warmup_steps >= 0", s -> s.getOptimizerBuilder().setWarmupSteps(-1)),
                wrong("needs total_steps", s -> s.getOptimizerBuilder().setTotalSteps(0)),
                wrong("learning rate > 0", s -> s.getOptimizerBuilder().setLearningRate(0)),
                wrong("learning rate > 0", s -> s.getOptimizerBuilder().setLearningRate(Double.POSITIVE_INFINITY)),
                wrong("final_share in [0, 1]", s -> s.getOptimizerBuilder().setFinalShare(1.1)),
                wrong("in [0, 1)", s -> s.getOptimizerBuilder().setBeta1(1)),
                wrong("in [0, 1)", s -> s.getOptimizerBuilder().setBeta2(1)),
                wrong("temperature above 0", s -> s.setTemperature(0)),
                wrong("temperature above 0", s -> s.setTemperature(Double.POSITIVE_INFINITY)),
                wrong("groups_per_step at least 0", s -> s.setGroupsPerStep(-1)),
                wrong("epochs", s -> s.setEpochs(0)),
                wrong("micro_batch_tokens", s -> s.setMicroBatchTokens(-1)),
                wrong("checkpoint_every", s -> s.setCheckpointEvery(0)),
                wrong("checkpoints_kept", s -> s.setCheckpointsKept(0)),
                wrong("LoRA needs a rank", s -> s.getLoraBuilder().setRank(0)),
                wrong("LoRA needs a rank", s -> s.getLoraBuilder().setAlpha(0)),
                wrong("unknown learner.backend 'tensorflow'", s -> s.setBackend("tensorflow")),
                wrong("learner.torch.processes must be at least 1", s -> s.getTorchBuilder()
                        .setProcesses(0)),
                wrong("LoRA target 'lm_head'", s -> s.getLoraBuilder().addTargets("lm_head"))));
        for (double bad : new double[] {-0.5, Double.NaN}) {
            out.addAll(List.of(
                    wrong("coefficients", s -> s.getLossBuilder().setKlCoefficient(bad)),
                    wrong("coefficients", s -> s.getLossBuilder().setEntropyCoefficient(bad)),
                    wrong("shaping", s -> s.getLossBuilder().setShaping(bad)),
                    wrong("dual clip", s -> s.getLossBuilder().setDualClip(bad)),
                    wrong("clip bounds", s -> s.getLossBuilder()
                            .setTrainGiven(false)
                            .setRatio("token")
                            .setClipLow(bad)),
                    wrong("clip bounds", s -> s.getLossBuilder()
                            .setTrainGiven(false)
                            .setRatio("token")
                            .setClipHigh(bad)),
                    wrong("learning rate > 0", s -> s.getOptimizerBuilder().setLearningRate(bad)),
                    wrong("final_share", s -> s.getOptimizerBuilder().setFinalShare(bad)),
                    wrong("beta1 and beta2", s -> s.getOptimizerBuilder().setBeta1(bad)),
                    wrong("beta1 and beta2", s -> s.getOptimizerBuilder().setBeta2(bad)),
                    wrong("epsilon", s -> s.getOptimizerBuilder().setEpsilon(bad)),
                    wrong("weight_decay", s -> s.getOptimizerBuilder().setWeightDecay(bad)),
                    wrong("clip_norm", s -> s.getOptimizerBuilder().setClipNorm(bad)),
                    wrong("temperature above 0", s -> s.setTemperature(bad)),
                    wrong("max_log_prob_difference", s -> s.setMaxLogProbDifference(bad)),
                    wrong("LoRA needs", s -> s.getLoraBuilder().setAlpha(bad))));
        }
        return out.stream();
    }

    @ParameterizedTest
    @MethodSource("wrongValues")
    void whatCannotBeMeantIsRefused(String said, Consumer<LearnerSettings.Builder> change) {
        LearnerSettings.Builder settings = all();
        change.accept(settings);
        assertThatThrownBy(() -> {
                    var unused = SettingsReader.torch(settings.build(), Path.of("base"));
                    settings(settings.build());
                })
                .hasMessageContaining(said);
    }
}
