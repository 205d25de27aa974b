package io.foothold.learner.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.Clips;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.Losses;
import io.foothold.core.loss.MismatchRule;
import io.foothold.core.loss.Ppo;
import io.foothold.learner.TinyRun;
import io.foothold.learner.train.DjlBackend;
import io.foothold.learner.train.GivenSolutions;
import io.foothold.learner.train.LearnerRun;
import io.foothold.learner.train.Manifest;
import io.foothold.learner.train.RunSettings;
import io.foothold.learner.train.RunStore;
import io.foothold.learner.train.Schedule;
import io.foothold.learner.train.TensorBackend;
import io.foothold.learner.train.TrainGroup;
import io.foothold.policy.Disk;
import io.foothold.policy.Lora;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.Precision;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The learner's side of the contract, against a worker that computes with the embedded backend. */
class TorchBackendTest {
    private static final TorchOptions OPTIONS = new TorchOptions(2, "", "", true, false, "");

    @TempDir
    Path scratch;

    private final List<DjlWorker> workers = new ArrayList<>();

    @BeforeEach
    void begin() {
        NativeRuntime.enterThread();
        TinyRun.policy(scratch.resolve("policy"));
    }

    private static RunSettings settings(LossRule rule, boolean lora) {
        return settings(rule, new MismatchRule.None(), lora);
    }

    private static RunSettings settings(LossRule rule, MismatchRule mismatch, boolean lora) {
        return new RunSettings(
                new RunSettings.Learning(AdvantageEstimator.named("mean", 0), rule, mismatch, 1, false),
                new RunSettings.Optimizer(
                        new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1), 0.9, 0.95, 1e-8, 0.01, 1),
                new RunSettings.Steps(0, 1, 256),
                new RunSettings.Checkpoints(2, 2),
                new RunSettings.Computation(Precision.EXACT, 1e9),
                lora ? Optional.of(new Lora(2, 4, List.of("q_proj", "v_proj"))) : Optional.empty(),
                1,
                "settings\n");
    }

    private TensorBackend.Opener worker(DjlWorker.Trouble trouble) {
        return worker(trouble, 2, TorchBackend.HANG);
    }

    private TensorBackend.Opener worker(DjlWorker.Trouble trouble, int protocol, Duration hang) {
        return (base, settings, checkpoint, steps) -> {
            try {
                DjlWorker worker = new DjlWorker(trouble, protocol);
                workers.add(worker);
                return TorchBackend.open(worker, hang, OPTIONS, base, settings, checkpoint, steps);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        };
    }

    private LearnerRun open(String home, RunSettings settings, TensorBackend.Opener opener) {
        return new LearnerRun(
                scratch.resolve("policy"), new RunStore(scratch.resolve(home), Disk.REAL), settings, opener);
    }

    private static TrainGroup group(long update) {
        List<TrainGroup.Member> members = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            int[] sampled = new int[5 - i];
            float[] behaviour = new float[sampled.length];
            for (int t = 0; t < sampled.length; t++) {
                sampled[t] = 2 + (int) ((update * 7 + i * 11 + t * 3) % 36);
                behaviour[t] = -3 - 0.25f * t;
            }
            members.add(new TrainGroup.Member(
                    "g" + update + "/" + i,
                    new int[] {2, 3, 4, 5},
                    i == 0 ? new int[] {9, 8} : new int[0],
                    sampled,
                    behaviour,
                    new long[sampled.length],
                    false,
                    i,
                    false));
        }
        return new TrainGroup("g" + update, members);
    }

    private static List<Manifest> train(LearnerRun run, long to) {
        List<Manifest> out = new ArrayList<>();
        while (run.update() < to) {
            out.add(run.train(run.update() + 1, List.of(group(run.update() + 1))));
        }
        return out;
    }

    @ParameterizedTest
    @CsvSource({
        "none,0,false,none",
        "token,0,true,none",
        "sequence,0.05,false,none",
        "token,0.05,true,truncate",
        "none,0,false,mask"
    })
    void aRunOverTheContractIsTheRunOfTheBackendBehindIt(
            String ratio, double regulariser, boolean lora, String mismatch) throws IOException {
        LossRule rule = new LossRule(
                LossRule.Aggregation.SEQUENCE_MEAN,
                1,
                Losses.of(ratio, new Clips(0.2, 0.3, 3), Map.of()),
                regulariser,
                regulariser,
                0);
        RunSettings settings = settings(rule, MismatchRule.named(mismatch, "token", 1.1, 0.5, 2), lora);
        List<Manifest> plain;
        try (LearnerRun run = open("plain", settings, DjlBackend::open)) {
            plain = train(run, 5);
        }
        List<Manifest> remote;
        try (LearnerRun run = open("remote", settings, worker(DjlWorker.Trouble.NONE))) {
            remote = new ArrayList<>(train(run, 3));
            assertThat(run.checkpointed()).isEqualTo(2);
            run.checkpoint("best", 3);
        }
        assertThat(PolicyDirectory.open(scratch.resolve("remote/checkpoints/best"))
                        .weights()
                        .digest())
                .isEqualTo(plain.get(2).digest());
        // Opened again: from the checkpoint of update 2, whose moments and steps are the worker's own.
        try (LearnerRun run = open("remote", settings, worker(DjlWorker.Trouble.NONE))) {
            assertThat(run.update()).isEqualTo(2);
            assertThat(train(run, 3).getFirst()).isEqualTo(remote.getLast());
            remote.addAll(train(run, 5));
        }
        assertThat(remote).isEqualTo(plain);
        assertThat(workers).allMatch(DjlWorker::ended);
    }

    @Test
    void givenSolutionsAreAsLikelyAsWithTheEmbeddedBackend() {
        RunSettings settings = settings(LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN), true);
        List<GivenSolutions.Solution> solutions = List.of(
                new GivenSolutions.Solution(new int[] {5, 9}, new int[] {11, 30, 2}),
                new GivenSolutions.Solution(new int[] {7}, new int[] {4, 1}));
        try (LearnerRun plain = open("plain", settings, DjlBackend::open);
                LearnerRun remote = open("remote", settings, worker(DjlWorker.Trouble.NONE))) {
            train(plain, 2);
            train(remote, 2);
            assertThat(remote.score(solutions, 2)).usingRecursiveComparison().isEqualTo(plain.score(solutions, 2));
        }
    }

    @Test
    void whatIsAskedForReachesTheWorker() throws IOException {
        LossRule rule = new LossRule(LossRule.Aggregation.TOKEN_MEAN, 1, new Ppo(new Clips(0.1, 0.2, 3)), 0.01, 0.02, 0)
                .shaped(0.5);
        try (LearnerRun run = open("home", settings(rule, true), worker(DjlWorker.Trouble.NONE))) {
            train(run, 1);
        }
        var opened = workers.getFirst().opened;
        assertThat(opened.getBaseDirectory())
                .isEqualTo(scratch.resolve("policy").toString());
        assertThat(opened.getComputeDtype()).isEqualTo("float32");
        assertThat(opened.getActivationCheckpointing()).isTrue();
        assertThat(opened.getAttention()).isEqualTo("auto");
        assertThat(opened.getKeepBase()).isTrue();
        assertThat(opened.getAdapters().getTargetsList()).containsExactly("q_proj", "v_proj");
        var sent = workers.getFirst().accumulated;
        assertThat(sent.getBase()).isTrue();
        assertThat(sent.getSequences(0).getGivenTokenIdsList()).containsExactly(9, 8);
        var slopes = workers.getFirst().slopes.getRows(0);
        assertThat(slopes.getByLogProbCount()).isEqualTo(5);
        // 5 + 4 + 3 sampled tokens; c_H is 0.02.
        assertThat(slopes.getByEntropyList()).containsExactly((float) (-0.02 / 12));
    }

    @ParameterizedTest
    @CsvSource({
        "DEATH,rank 1 of 2 was ended by signal 9: rank 1: the last words",
        "HANG,no progress for 1 s: a rank hangs",
        "OUT_OF_MEMORY,rank 0: out of memory: 7 GiB wanted"
    })
    void aRankThatIsLostEndsTheUpdateAndTheRunGoesOnToTheSameWeights(DjlWorker.Trouble trouble, String told) {
        RunSettings settings = settings(LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN), false);
        List<Manifest> plain;
        try (LearnerRun run = open("plain", settings, DjlBackend::open)) {
            plain = train(run, 3);
        }
        try (LearnerRun run = open("broken", settings, worker(DjlWorker.Trouble.NONE))) {
            train(run, 2);
        }
        try (LearnerRun run = open("broken", settings, worker(trouble, 2, Duration.ofSeconds(1)))) {
            assertThatThrownBy(() -> train(run, 3))
                    // The code that says that the run has to be opened again.
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.WRONG_STATE))
                    .hasMessageContaining("lost in Accumulate: " + told);
            assertThat(run.alive()).isFalse();
        }
        try (LearnerRun run = open("broken", settings, worker(DjlWorker.Trouble.NONE))) {
            assertThat(run.update()).isEqualTo(2);
            assertThat(train(run, 3)).isEqualTo(plain.subList(2, 3));
        }
        assertThat(workers).allMatch(DjlWorker::ended);
    }

    @Test
    void aWorkerOfAnotherContractIsRefusedAndEnded() {
        RunSettings settings = settings(LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN), false);
        assertThatThrownBy(() -> open("home", settings, worker(DjlWorker.Trouble.NONE, 1, TorchBackend.HANG)))
                .hasMessageContaining("speaks version 1 of the contract, this learner version 2");
        assertThat(workers).allMatch(DjlWorker::ended);
    }

    @Test
    void whatTheWorkerRefusesIsToldInItsWords() {
        RunSettings settings = settings(LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN), false);
        assertThatThrownBy(() -> new LearnerRun(
                        scratch.resolve("nothing"),
                        new RunStore(scratch.resolve("home"), Disk.REAL),
                        settings,
                        worker(DjlWorker.Trouble.NONE)))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_DATA))
                .hasMessageContaining("nothing does not exist (expected a Hugging Face directory)");
        assertThat(workers).allMatch(DjlWorker::ended);
    }
}
