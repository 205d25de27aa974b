package io.foothold.learner.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.primitives.Ints;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.Roots;
import io.foothold.learner.TinyRun;
import io.foothold.learner.config.LearnerConfig;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.v1.CloseRunRequest;
import io.foothold.v1.Credit;
import io.foothold.v1.GroupOutcome;
import io.foothold.v1.ItemFailure;
import io.foothold.v1.KeepRunRequest;
import io.foothold.v1.OpenRunRequest;
import io.foothold.v1.OpenRunResponse;
import io.foothold.v1.PromptedSolution;
import io.foothold.v1.RunHolder;
import io.foothold.v1.SaveCheckpointRequest;
import io.foothold.v1.ScoreSolutionsRequest;
import io.foothold.v1.ScoreSolutionsResponse;
import io.foothold.v1.TrainGroup;
import io.foothold.v1.TrainRequest;
import io.foothold.v1.TrainResponse;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LearnerGrpcTest {
    @TempDir
    Path scratch;

    private Path home;
    private LearnerGrpc learner;

    @BeforeEach
    void start() {
        TinyRun.policy(scratch.resolve("policy"));
        home = scratch.resolve("home/runs");
        learner = new LearnerGrpc(config(home), Roots.of(List.of(scratch)), new SimpleMeterRegistry());
    }

    @AfterEach
    void stop() {
        learner.stop();
    }

    static LearnerConfig config(Path home) {
        return new LearnerConfig() {
            @Override
            public String home() {
                return home.toString();
            }

            @Override
            public int window() {
                return 16;
            }

            @Override
            public String torchPackage() {
                return "services/learner/torch";
            }
        };
    }

    private static RunHolder holder(long incarnation) {
        return RunHolder.newBuilder()
                .setIncarnation(incarnation)
                .setToken("process " + incarnation)
                .build();
    }

    private OpenRunResponse open(String run) {
        return open(run, holder(0));
    }

    private OpenRunResponse open(String run, RunHolder holder) {
        return await(learner.openRun(OpenRunRequest.newBuilder()
                .setRunId(run)
                .setHolder(holder)
                .setBasePolicy(scratch.resolve("policy").toString())
                .setSettings(TinyRun.settings())
                .build()));
    }

    private static <T> T await(Uni<T> call) {
        try {
            return call.await().indefinitely();
        } catch (RuntimeException e) {
            throw FootholdException.of(e);
        }
    }

    private long save(String run, String label) {
        return await(learner.saveCheckpoint(SaveCheckpointRequest.newBuilder()
                        .setRunId(run)
                        .setLabel(label)
                        .build()))
                .getUpdate();
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> all = Files.walk(scratch)) {
            return List.copyOf(new TreeSet<>(all.toList()));
        }
    }

    private static void assertRefused(org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String quoted) {
        assertThatThrownBy(call)
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT))
                .hasMessageContaining("'" + quoted + "' must");
    }

    @ParameterizedTest
    @ValueSource(strings = {"../../../victim", "..", "../2", "a/b", "best/..", ".part-best", "7", "a\u0000b"})
    void aLabelIsANameAndNoPath(String label) throws IOException {
        Path victim = Files.createDirectories(scratch.resolve("home/victim"));
        Files.writeString(victim.resolve("precious"), "x");
        open("r");
        List<Path> before = files();
        assertRefused(() -> save("r", label), label);
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void anAbsoluteLabelDeletesNothing() throws IOException {
        Path victim = Files.createDirectories(scratch.resolve("victim"));
        Files.writeString(victim.resolve("precious"), "x");
        open("r");
        assertRefused(() -> save("r", victim.toString()), victim.toString());
        assertThat(victim.resolve("precious")).hasContent("x");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "..", "../x", "a/b", "/x", "%2e/x", "a..b"})
    void aRunIdIsANameAndNoPath(String run) throws IOException {
        List<Path> before = files();
        assertRefused(() -> open(run), run);
        assertThat(files()).isEqualTo(before);
    }

    @Test
    void labelsAreKeptBesideNumberedCheckpoints() {
        open("r");
        assertThat(save("r", "best")).isZero();
        assertThat(save("r", "")).isZero();
        Path checkpoints = home.resolve("r/learner/checkpoints");
        assertThat(checkpoints.resolve("best/state.json")).exists();
        assertThat(checkpoints.resolve("0/state.json")).exists();
    }

    @Test
    void aSecondRunIsRefusedAndTheFirstGoesOn() {
        open("first");
        assertThatThrownBy(() -> open("second"))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
                .hasMessageContaining("the learner has run first under way");
        assertThat(home.resolve("second")).doesNotExist();
        assertThat(save("first", "")).isZero();
        assertThat(open("first").getUpdate())
                .as("its own orchestrator comes back")
                .isZero();
        close("second");
        assertThat(save("first", "")).isZero();
        close("first");
        assertThatThrownBy(() -> save("first", "")).hasMessageContaining("run first is not open");
        open("second");
        assertThat(save("second", "")).isZero();
    }

    @Test
    void aRunThatCannotBeOpenedLeavesTheLearnerFree() {
        TinyRun.policy(scratch.resolve("policy"));
        assertThatThrownBy(() -> await(learner.openRun(OpenRunRequest.newBuilder()
                        .setRunId("broken")
                        .setHolder(holder(0))
                        .setBasePolicy(scratch.resolve("policy").toString())
                        .setSettings(TinyRun.settings().setEpochs(0))
                        .build())))
                .hasMessageContaining("epochs");
        open("next");
    }

    private ScoreSolutionsResponse score(long version, int... solution) {
        return await(learner.scoreSolutions(ScoreSolutionsRequest.newBuilder()
                .setRunId("r")
                .setPolicyVersion(version)
                .addSolutions(PromptedSolution.newBuilder()
                        .addAllPromptTokenIds(List.of(5, 9, 7))
                        .addAllSolutionTokenIds(Ints.asList(solution)))
                .build()));
    }

    @Test
    void solutionsAreScoredUnderTheWeightsOfTheVersionThatIsMeant() {
        assertThatThrownBy(() -> score(0, 4))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.WRONG_STATE))
                .hasMessageContaining("run r is not open");
        open("r");
        ScoreSolutionsResponse base = score(0, 4, 6, 8);
        assertThat(base.getTemperature()).isEqualTo(1);
        assertThat(base.getScores(0).getLogProbsList()).hasSize(3).allMatch(p -> p < 0);
        assertThat(base.getScores(0).getEndLogProb()).isNegative();
        assertThat(score(0, 4, 6, 8)).as("asked again").isEqualTo(base);
        assertThat(train("r", 1).hasManifest()).isTrue();
        assertThat(score(1, 4, 6, 8)).isNotEqualTo(base);
        assertThatThrownBy(() -> score(0, 4, 6, 8))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT));
        assertThatThrownBy(() -> score(1, 4, 99))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT))
                .hasMessageContaining("token 99");
    }

    /** A disk on which something goes wrong that is no exception. */
    private static final class Failing implements Disk {
        private volatile Supplier<? extends Throwable> next = () -> null;
        private volatile String what = "";

        @Override
        public String write(Path file, FileContent content) throws IOException {
            Throwable failure = file.toString().contains(what) ? next.get() : null;
            if (failure instanceof Error error) {
                throw error;
            }
            if (failure instanceof RuntimeException exception) {
                throw exception;
            }
            return Disk.super.write(file, content);
        }

        void fail(String what, Supplier<? extends Throwable> next) {
            this.what = what;
            this.next = next;
        }
    }

    private GroupOutcome train(String run, long update) {
        return train(TinyRun.group(run, update)).getFirst();
    }

    private List<GroupOutcome> train(TrainGroup... groups) {
        return learner.train(Multi.createBy()
                        .concatenating()
                        .streams(
                                Multi.createFrom()
                                        .item(TrainRequest.newBuilder()
                                                .setCredit(Credit.newBuilder().setItems(4))
                                                .build()),
                                Multi.createFrom().items(groups).map(group -> TrainRequest.newBuilder()
                                        .setGroup(group)
                                        .build())))
                .filter(TrainResponse::hasOutcome)
                .select()
                .first(groups.length)
                .map(TrainResponse::getOutcome)
                .collect()
                .asList()
                .await()
                .atMost(Duration.ofSeconds(60));
    }

    private static TrainGroup half(String run, long update, int index) {
        TrainGroup whole = TinyRun.group(run, update);
        return whole.toBuilder().setGroupsInUpdate(2).setIndex(index).build();
    }

    /** Those whose outcome got through before a stream or a learner was lost do not come again. */
    @Test
    void groupsThatComeWithoutTheOthersOfTheirUpdateAreAnsweredWhenThoseAreNotNeeded() {
        assertThat(train(half("r", 1, 0)).getFirst().getFailure().getMessage()).contains("run r is not open");
        open("r");
        List<GroupOutcome> both = train(half("r", 1, 0), half("r", 1, 1));
        String digest = both.stream()
                .filter(GroupOutcome::hasManifest)
                .findFirst()
                .orElseThrow()
                .getManifest()
                .getDigest();
        assertThat(train(half("r", 1, 1)).getFirst().getManifest().getDigest()).isEqualTo(digest);
        GroupOutcome first = train(half("r", 1, 0)).getFirst();
        assertThat(first.hasFailure() || first.hasManifest()).isFalse();
        close("r");
        assertThat(train(half("r", 2, 1)).getFirst().getFailure().getCode()).isEqualTo("WRONG_STATE");
    }

    /** In the middle of an update, when the weights have changed and nothing of it is on disk yet. */
    @Test
    void anUpdateThatAnErrorBreaksOffIsAnsweredAndTheRunBeginsAtItsCheckpoint() {
        Failing disk = new Failing();
        learner.stop();
        learner = new LearnerGrpc(config(home), Roots.of(List.of(scratch)), new SimpleMeterRegistry(), disk);
        open("r");
        String first = train("r", 1).getManifest().getDigest();
        String second = train("r", 2).getManifest().getDigest();
        assertThat(first).isNotEqualTo(second);
        List<Supplier<? extends Throwable>> failures = List.of(
                () -> new OutOfMemoryError("scripted"),
                () -> new UnsatisfiedLinkError("scripted"),
                () -> new StackOverflowError("scripted"),
                () -> new IllegalStateException("scripted"));
        List<String> digests = new ArrayList<>();
        for (Supplier<? extends Throwable> failure : failures) {
            disk.fail("artefact", failure);
            GroupOutcome outcome = train("r", 3);
            assertThat(outcome.getFailure().getMessage()).contains("scripted");
            boolean error = failure.get() instanceof Error;
            assertThat(outcome.getFailure().getCode()).isEqualTo(error ? "WRONG_STATE" : "INTERNAL");
            assertThat(train("r", 3).getFailure().getMessage())
                    .as("nobody trains on what is left of it")
                    .contains("run r is not open");
            disk.fail("", () -> null);
            assertThat(open("r").getUpdate()).as("from its checkpoint").isEqualTo(2);
            digests.add(train("r", 3).getManifest().getDigest());
            close("r");
            open("r");
        }
        assertThat(new TreeSet<>(digests)).as("as if nothing had been").hasSize(1);
    }

    @Test
    void aRunThatAnErrorKeepsFromOpeningLeavesTheLearnerFree() {
        Failing disk = new Failing();
        learner.stop();
        learner = new LearnerGrpc(config(home), Roots.of(List.of(scratch)), new SimpleMeterRegistry(), disk);
        disk.fail("", () -> new OutOfMemoryError("scripted"));
        assertThatThrownBy(() -> open("broken"))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("OutOfMemoryError: scripted");
        disk.fail("", () -> null);
        open("next");
        disk.fail("checkpoints", () -> new OutOfMemoryError("scripted"));
        assertThatThrownBy(() -> save("next", "")).hasMessageContaining("OutOfMemoryError: scripted");
        disk.fail("", () -> null);
        assertThat(save("next", "")).as("the run itself is whole").isZero();
    }

    @Test
    void aBatchThatDoesNotFollowIsRefusedAndTheRunStaysOpen() {
        open("r");
        for (long ahead : new long[] {2, 7}) {
            ItemFailure refused = train("r", ahead).getFailure();
            assertThat(refused.getCode()).isEqualTo("WRONG_STATE");
            assertThat(refused.getMessage()).isEqualTo("update " + ahead + " cannot follow update 0 of run r");
        }
        assertThat(train("r", 1).getManifest().getUpdate()).isEqualTo(1);
    }

    @Test
    void aLateCloseOfAFormerProcessLeavesItsSuccessorTheLearner() {
        open("r", holder(0));
        open("r", holder(1));
        close("r", holder(0));
        assertThat(keep("r", holder(0))).isFalse();
        assertThat(keep("r", holder(1))).isTrue();
        assertThat(save("r", "")).as("the run is open").isZero();
        assertThatThrownBy(() -> open("other")).hasMessageContaining("the learner has run r under way");
        assertThatThrownBy(() -> open("r", holder(0)))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
                .hasMessageContaining("for another process (incarnation 1, this is 0)");
        close("r", holder(1));
        open("other");
    }

    @Test
    void whoDoesNotSayWhoItIsHasNoRun() {
        RunHolder nobody = RunHolder.newBuilder().setIncarnation(3).build();
        assertThatThrownBy(() -> open("r", nobody)).hasMessageContaining("and no token");
        assertThatThrownBy(() -> keep("r", nobody)).hasMessageContaining("and no token");
        assertThatThrownBy(() -> close("r", nobody)).hasMessageContaining("and no token");
        open("r");
        assertThatThrownBy(() ->
                        close("r", holder(0).toBuilder().setIncarnation(-1).build()))
                .hasMessageContaining("incarnation -1");
        assertThat(keep("r", holder(0))).isTrue();
    }

    private boolean keep(String run, RunHolder holder) {
        return await(learner.keepRun(KeepRunRequest.newBuilder()
                        .setRunId(run)
                        .setHolder(holder)
                        .build()))
                .getHeld();
    }

    private void close(String run) {
        close(run, holder(0));
    }

    private void close(String run, RunHolder holder) {
        var unused = await(learner.closeRun(
                CloseRunRequest.newBuilder().setRunId(run).setHolder(holder).build()));
    }
}
