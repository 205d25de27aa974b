package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.learner.TinyRun;
import io.foothold.policy.Disk;
import io.foothold.policy.Lora;
import io.foothold.policy.LoraAdapter;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.foothold.policy.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LearnerRunTest {
    @TempDir
    Path scratch;

    private Path home;

    @BeforeEach
    void begin() {
        NativeRuntime.enterThread();
        TinyRun.policy(scratch.resolve("policy"));
        home = scratch.resolve("home");
    }

    private static RunSettings settings(boolean lora) {
        return settings(lora, false);
    }

    private static RunSettings settings(boolean lora, boolean maskTruncated) {
        return new RunSettings(
                new RunSettings.Learning(
                        AdvantageEstimator.named("mean", 0),
                        LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN),
                        new MismatchRule.None(),
                        1,
                        false,
                        maskTruncated),
                new RunSettings.Optimizer(new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1), 0.9, 0.95, 1e-8, 0, 1),
                new RunSettings.Steps(0, 1, 256),
                new RunSettings.Checkpoints(2, 2),
                new RunSettings.Computation(Precision.EXACT, 1e9),
                lora ? Optional.of(new Lora(2, 4, List.of("q_proj", "v_proj"))) : Optional.empty(),
                1,
                "settings\n");
    }

    private LearnerRun open(boolean lora) {
        return open(lora, Disk.REAL);
    }

    private LearnerRun open(boolean lora, Disk disk) {
        return new LearnerRun(scratch.resolve("policy"), home, settings(lora), disk);
    }

    private static TrainGroup group(long update) {
        List<TrainGroup.Member> members = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            int[] sampled = new int[5];
            for (int t = 0; t < sampled.length; t++) {
                sampled[t] = 2 + (int) ((update * 7 + i * 11 + t * 3) % 36);
            }
            members.add(new TrainGroup.Member(
                    "g" + update + "/" + i,
                    new int[] {2, 3, 4, 5},
                    new int[0],
                    sampled,
                    new float[] {-3, -3, -3, -3, -3},
                    new long[5],
                    false,
                    i,
                    false));
        }
        return new TrainGroup("g" + update, members);
    }

    /** The group with some of its members cut off by the limit of tokens. */
    private static TrainGroup cut(TrainGroup group, int from) {
        List<TrainGroup.Member> members = new ArrayList<>();
        for (int i = 0; i < group.members().size(); i++) {
            TrainGroup.Member m = group.members().get(i);
            members.add(new TrainGroup.Member(
                    m.rolloutId(),
                    m.prompt(),
                    m.given(),
                    m.sampled(),
                    m.logProbs(),
                    m.versions(),
                    i >= from,
                    m.reward(),
                    m.offPolicy()));
        }
        return new TrainGroup(group.groupId(), members);
    }

    private Manifest firstUpdate(String name, boolean maskTruncated, TrainGroup group) {
        try (LearnerRun run = new LearnerRun(
                scratch.resolve("policy"), scratch.resolve(name), settings(false, maskTruncated), Disk.REAL)) {
            return run.train(1, List.of(group));
        }
    }

    @Test
    void whatTheLimitCutOffHasNoGradientWhereItIsMasked() {
        Manifest all = firstUpdate("all", false, group(1));
        assertThat(firstUpdate("unmasked", false, cut(group(1), 0)).digest()).isEqualTo(all.digest());
        assertThat(firstUpdate("whole", true, group(1)).digest()).isEqualTo(all.digest());
        Manifest half = firstUpdate("half", true, cut(group(1), 1));
        assertThat(half.optimizerSteps()).isEqualTo(1);
        assertThat(half.digest()).isNotEqualTo(all.digest());
        assertThat(half.metrics().get("loss"))
                .as("five tokens of weight 1/5 and advantage -1/2, none of the other")
                .isNegative();
        assertThat(firstUpdate("none", true, cut(group(1), 0)).optimizerSteps()).isZero();
    }

    /** Trains up to an update and gives what each one made. */
    private static TreeMap<Long, String> train(LearnerRun run, long to) {
        TreeMap<Long, String> digests = new TreeMap<>();
        while (run.update() < to) {
            Manifest manifest = run.train(run.update() + 1, List.of(group(run.update() + 1)));
            digests.put(manifest.update(), manifest.digest());
        }
        return digests;
    }

    @Test
    void everyVersionIsThereAsAdaptersToo() throws IOException {
        PolicyDirectory base = PolicyDirectory.open(scratch.resolve("policy"));
        try (LearnerRun run = open(true)) {
            for (long update = 0; update <= 5; update++) {
                train(run, update);
                RunStore.Artefact artefact = run.artefact();
                RunStore.Adapter adapter = run.adapter(artefact.name()).orElseThrow();
                Path joined = scratch.resolve("joined");
                Files.write(joined, Files.readAllBytes(adapter.directory().resolve("adapter_config.json")));
                Files.write(
                        joined,
                        Files.readAllBytes(adapter.directory().resolve("adapter_model.safetensors")),
                        StandardOpenOption.APPEND);
                assertThat(adapter.digest()).isEqualTo(Sha256.of(joined));
                try (PolicyWeights own = base.baseWeights();
                        PolicyWeights merged = LoraAdapter.read(base.config(), adapter.directory())
                                .mergedInto(own)) {
                    assertThat(merged.digest()).as("update %d", update).isEqualTo(artefact.digest());
                }
            }
            try (Stream<Path> kept = Files.list(home.resolve("artefacts"))) {
                assertThat(kept.map(p -> p.getFileName().toString().replaceAll(".*\\.", "")))
                        .as("they go with their artefacts")
                        .containsOnly("safetensors", "adapter")
                        .hasSize(8);
            }
        }
        try (LearnerRun run = open(true)) {
            assertThat(run.adapter(run.artefact().name())).as("after a restart").isPresent();
        }
    }

    @Test
    void whereAllWeightsAreTrainedThereAreNoAdapters() {
        try (LearnerRun run = open(false)) {
            train(run, 1);
            assertThat(run.adapter(run.artefact().name())).isEmpty();
        }
    }

    private static void flip(Path file) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length / 3] ^= 16;
        Files.write(file, bytes);
    }

    @ParameterizedTest
    @CsvSource({
        "false,model.safetensors",
        "false,moments.safetensors",
        "false,state.json",
        "false,config.json",
        "true,adapter/adapter_model.safetensors",
        "true,moments.safetensors",
        "true,adapter/adapter_config.json"
    })
    void oneFlippedBitSendsTheRunBackToAnOlderCheckpointAndToTheSameWeights(boolean lora, String file)
            throws IOException {
        TreeMap<Long, String> before;
        try (LearnerRun run = open(lora)) {
            before = train(run, 7);
            assertThat(run.checkpointed()).isEqualTo(6);
            assertThat(run.oldestKept()).isEqualTo(4);
            // As at a stop: the checkpoint is of the last update, and no update behind it would find the flipped bit.
            run.checkpoint("", run.update());
            assertThat(run.oldestKept()).isEqualTo(6);
        }
        flip(home.resolve("checkpoints/7").resolve(file));
        try (LearnerRun run = open(lora)) {
            assertThat(run.update()).isEqualTo(6);
            assertThat(run.damagedCheckpoints()).singleElement().asString().contains("checkpoints/7", file);
            assertThat(run.artefact().digest()).isEqualTo(before.get(6L));
            assertThat(train(run, 7)).isEqualTo(before.tailMap(7L));
            run.checkpoint("", run.update());
        }
        try (LearnerRun run = open(lora)) {
            assertThat(run.update()).isEqualTo(7);
            assertThat(run.damagedCheckpoints()).isEmpty();
            assertThat(run.artefact().digest()).isEqualTo(before.get(7L));
        }
    }

    @Test
    void aRunWhoseCheckpointsAreAllDamagedIsRefusedWithTheirFiles() throws IOException {
        try (LearnerRun run = open(false)) {
            train(run, 6);
        }
        flip(home.resolve("checkpoints/4/model.safetensors"));
        flip(home.resolve("checkpoints/6/tokenizer.json"));
        assertThatThrownBy(() -> open(false))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_DATA))
                .hasMessageContaining("checkpoints/4 is damaged: model.safetensors has SHA-256 ")
                .hasMessageContaining("checkpoints/6 is damaged: tokenizer.json has SHA-256 ");
    }

    @ParameterizedTest
    @CsvSource({"flipped", "cut", "empty"})
    void anArtefactThatIsNotWhatItsNameSaysIsWrittenAgain(String how) throws IOException {
        RunStore.Artefact artefact;
        try (LearnerRun run = open(false)) {
            train(run, 2);
            artefact = run.artefact();
        }
        Path file = home.resolve("artefacts").resolve(artefact.name());
        byte[] right = Files.readAllBytes(file);
        switch (how) {
            case "flipped" -> flip(file);
            case "cut" -> Files.write(file, Arrays.copyOf(right, right.length / 2));
            default -> Files.write(file, new byte[0]);
        }
        try (LearnerRun run = open(false)) {
            assertThat(run.artefact()).isEqualTo(artefact);
            assertThat(Files.readAllBytes(run.store().artefactFile(artefact.name())))
                    .isEqualTo(right);
        }
        assertThat(Sha256.of(file)).isEqualTo(artefact.digest());
    }

    @Test
    void aDamagedManifestIsRefusedAndNotAnsweredWith() throws IOException {
        try (LearnerRun run = open(false)) {
            Manifest made = run.train(1, List.of(group(1)));
            assertThat(run.manifest(1)).contains(made);
            Path file = home.resolve("manifests/1.json");
            Files.writeString(file, Files.readString(file).replace("\"policyVersion\":1", "\"policyVersion\":2"));
            assertThatThrownBy(() -> run.manifest(1)).hasMessageContaining("manifests/1.json is damaged");
        }
    }

    @Test
    void aCrashAtAnyStepOfTrainingLeavesARunThatReachesTheSameWeights() throws IOException {
        TreeMap<Long, String> whole;
        try (LearnerRun run = open(false)) {
            whole = train(run, 4);
        }
        int steps = 0;
        for (boolean crashed = true; crashed; steps += 3) {
            home = scratch.resolve("home-" + steps);
            crashed = false;
            LearnerRun broken = null;
            try {
                broken = open(false, new CrashingDisk(steps, true));
                train(broken, 4);
            } catch (CrashingDisk.Crash e) {
                crashed = true;
            } finally {
                if (broken != null) {
                    broken.close();
                }
            }
            try (LearnerRun run = open(false)) {
                assertThat(run.damagedCheckpoints()).isEmpty();
                long from = run.update();
                assertThat(train(run, 4)).isEqualTo(whole.tailMap(from, false));
                assertThat(run.artefact().digest()).isEqualTo(whole.get(4L));
            }
        }
        assertThat(steps).isGreaterThan(30);
    }

    @Test
    void theBestOfAnEarlierUpdateHoldsThatUpdatesWeights() {
        try (LearnerRun run = open(false)) {
            TreeMap<Long, String> digests = train(run, 4);
            run.checkpoint("best", 3);
            assertThat(PolicyDirectory.open(home.resolve("checkpoints/best"))
                            .weights()
                            .digest())
                    .isEqualTo(digests.get(3L))
                    .isNotEqualTo(digests.get(4L));
            assertThatThrownBy(() -> run.checkpoint("best", 5)).hasMessageContaining("the run is at update 4");
            assertThatThrownBy(() -> run.checkpoint("", 3)).hasMessageContaining("update 3 cannot be written");
        }
    }

    @Test
    void checkpointsOfALabelAreDirectoriesOfPoliciesAndStayAsTheyAre() throws IOException {
        String digest;
        try (LearnerRun run = open(false)) {
            train(run, 1);
            run.checkpoint("best", 1);
            digest = run.artefact().digest();
            train(run, 6);
        }
        assertThat(PolicyDirectory.open(home.resolve("checkpoints/best"))
                        .weights()
                        .digest())
                .isEqualTo(digest);
        try (Stream<Path> all = Files.list(home.resolve("checkpoints"))) {
            assertThat(all.map(p -> p.getFileName().toString()).sorted()).containsExactly("4", "6", "best");
        }
    }
}
