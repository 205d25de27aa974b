package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.loss.MismatchRule;
import io.foothold.policy.Disk;
import io.foothold.policy.Lora;
import io.foothold.policy.ModelConfig;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WarmStartTest {
    private static final int END = 1;
    private static final GivenSolutions.Solution ENDED =
            new GivenSolutions.Solution(new int[] {2, 3}, new int[] {5, 6, 7, END});
    private static final GivenSolutions.Solution OPEN = new GivenSolutions.Solution(new int[] {2, 4}, new int[] {8, 9});
    private static final TensorBackend.Opener NEVER = (base, settings, checkpoint, steps) -> {
        throw new AssertionError("it is made already");
    };

    @TempDir
    Path scratch;

    private Path base = Path.of("");
    private Path home = Path.of("");

    @BeforeEach
    void write() throws Exception {
        base = scratch.resolve("policy");
        home = Files.createDirectories(scratch.resolve("home"));
        ModelConfig config = ModelConfig.qwen3(20, 32, 64, 2, 4, 2, 8, 32).endingWith(List.of(END));
        PolicyDirectory.write(base, PolicyWeights.random(config, 7, 0.3), "{\"version\":\"1.0\"}");
    }

    private static RunSettings settings(Optional<Lora> lora) {
        return new RunSettings(
                new RunSettings.Learning(
                        AdvantageEstimator.named("mean", 0),
                        LossRule.policyGradient(LossRule.Aggregation.TOKEN_MEAN),
                        new MismatchRule.None(),
                        1,
                        false),
                new RunSettings.Optimizer(new Schedule(Schedule.Shape.CONSTANT, 0.01, 0, 0, 1), 0.9, 0.95, 1e-8, 0, 1),
                new RunSettings.Steps(0, 1, 256),
                new RunSettings.Checkpoints(2, 2),
                new RunSettings.Computation(Precision.EXACT, 1e9),
                lora,
                1,
                "settings\n");
    }

    private Path make(WarmStart warm, TensorBackend.Opener opener) {
        return warm.policy(base, home, settings(Optional.empty()), Disk.REAL, opener);
    }

    private static WarmStart warm(int epochs, GivenSolutions.Solution... solutions) {
        return new WarmStart(epochs, 2, 3e-3, List.of(solutions));
    }

    /** Log-prob of a solution with its end, under the policy of a directory. */
    private double logProb(Path policy, GivenSolutions.Solution solution) {
        try (LearnerRun run = new LearnerRun(
                policy, scratch.resolve("scored" + System.nanoTime()), settings(Optional.empty()), Disk.REAL)) {
            GivenSolutions.Score score =
                    run.score(List.of(solution), run.version()).getFirst();
            double sum = score.endLogProb();
            for (float p : score.logProbs()) {
                sum += p;
            }
            return sum;
        }
    }

    @Test
    void whatIsImitatedBecomesLikelyWithItsEndBehindItsOwnPrompt() {
        Path made = make(warm(60, ENDED, OPEN), DjlBackend::open);
        assertThat(logProb(base, ENDED)).isLessThan(-5);
        assertThat(logProb(made, ENDED)).isGreaterThan(-.3);
        assertThat(logProb(made, OPEN)).as("the end is learned too").isGreaterThan(-.3);
        assertThat(logProb(made, new GivenSolutions.Solution(OPEN.prompt(), ENDED.solution())))
                .as("the other prompt's solution")
                .isLessThan(-1);
    }

    @Test
    void theSameSeedMakesTheSamePolicy() throws Exception {
        byte[] first =
                Files.readAllBytes(make(warm(3, ENDED, OPEN), DjlBackend::open).resolve("model.safetensors"));
        home = Files.createDirectories(scratch.resolve("again"));
        assertThat(make(warm(3, ENDED, OPEN), DjlBackend::open).resolve("model.safetensors"))
                .hasBinaryContent(first);
    }

    @Test
    void whatACrashLeftIsMadeAnewAndWhatIsWholeIsFoundAgain() throws Exception {
        Files.writeString(
                Files.createDirectories(home.resolve("warm-start.part")).resolve("model.safetensors"), "half");
        Path made = make(warm(1, ENDED), DjlBackend::open);
        assertThat(home.resolve("warm-start.part")).doesNotExist();
        assertThat(make(warm(1, ENDED), NEVER)).isEqualTo(made);
    }

    @Test
    void oneThatIsFoundAgainMustHaveBeenMadeOfTheSame() {
        var unused = make(warm(1, ENDED), DjlBackend::open);
        assertThatThrownBy(() -> make(warm(2, ENDED), NEVER))
                .hasMessageContaining("was 'sft.epochs: 1', is 'sft.epochs: 2'");
        assertThatThrownBy(() -> make(warm(1, ENDED, OPEN), NEVER)).hasMessageContaining("is '2 solutions with");
        assertThatThrownBy(() ->
                        make(warm(1, new GivenSolutions.Solution(ENDED.prompt(), new int[] {5, 6, 8, END})), NEVER))
                .hasMessageContaining("1 solutions with SHA-256");
    }

    @Test
    void oneThatWasDamagedIsNamedAndIsMadeAgainWhereItIsDeleted() throws Exception {
        Path weights = make(warm(1, ENDED), DjlBackend::open).resolve("model.safetensors");
        byte[] whole = Files.readAllBytes(weights);
        byte[] bytes = whole.clone();
        bytes[bytes.length - 1] ^= 1;
        Files.write(weights, bytes);
        assertThatThrownBy(() -> make(warm(1, ENDED), NEVER))
                .hasMessageContaining("warm-start is damaged: model.safetensors has SHA-256");
        Files.delete(weights);
        assertThatThrownBy(() -> make(warm(1, ENDED), NEVER)).hasMessageContaining("model.safetensors is missing");
        Files.write(weights, whole);
        Files.delete(weights.resolveSibling("warm-start.json"));
        assertThatThrownBy(() -> make(warm(1, ENDED), NEVER)).hasMessageContaining("warm-start.json cannot be read");
    }

    @Test
    void whatCannotBeImitatedIsRefused() {
        assertThatThrownBy(() -> make(warm(1), DjlBackend::open)).hasMessageContaining("needs a solution to imitate");
        assertThatThrownBy(
                        () -> make(warm(1, new GivenSolutions.Solution(new int[] {2}, new int[40])), DjlBackend::open))
                .hasMessageContaining("more than the 32 that the model takes");
        assertThatThrownBy(() -> make(
                        warm(1, ENDED, new GivenSolutions.Solution(new int[] {2}, new int[] {99})), DjlBackend::open))
                .hasMessageContaining("solution 1 has token 99");
        assertThatThrownBy(() -> warm(1, ENDED)
                        .policy(
                                base,
                                home,
                                settings(Optional.of(new Lora(2, 2, List.of("q_proj")))),
                                Disk.REAL,
                                DjlBackend::open))
                .hasMessageContaining("optimizer.lora");
        assertThatThrownBy(() -> new WarmStart(0, 1, 1e-3, List.of(ENDED))).hasMessageContaining("epochs >= 1");
        assertThat(home.resolve("warm-start")).doesNotExist();
    }
}
