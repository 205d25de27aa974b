package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.ledger.RolloutState;
import io.foothold.core.method.Group;
import io.foothold.core.method.Method;
import io.foothold.core.method.Place;
import io.foothold.core.method.Plain;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.random.Seeds;
import io.foothold.orchestrator.TestDatabase;
import io.foothold.orchestrator.ledger.Ledger;
import io.foothold.orchestrator.ledger.LedgerStore;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.remote.Waits;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.runfile.Methods;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.v1.*;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Every method through the run's own executor, with scripted peers. A response is thoughts of two tokens, a letter and ';'; its text spells the letters. A
 * rollout is right when its last letter is 'r'.
 */
class MethodRunnerTest {
    private static final int THOUGHTS = 5;
    private static final PolicyVersion POLICY = new PolicyVersion(7, "d");
    private static final int END = 9;

    private ScriptedPeers peers;
    private LedgerStore ledger;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
    private final List<SampleWork> asked = new CopyOnWriteArrayList<>();

    @BeforeEach
    void start() throws Exception {
        peers = new ScriptedPeers();
        ledger = new LedgerStore(TestDatabase.inMemory(), () -> Instant.EPOCH);
        peers.sampling = (work, results) -> {
            asked.add(work);
            work.getReservationsList()
                    .forEach(r -> results.emit(SampleResponse.newBuilder()
                            .setRollout(rollout(work, r))
                            .build()));
            results.done();
            return () -> {};
        };
        peers.verifying = work -> Verdict.newBuilder()
                .setKind(
                        work.getResponse().endsWith("r")
                                ? VerdictKind.VERDICT_KIND_PASS
                                : VerdictKind.VERDICT_KIND_FAIL)
                .build();
    }

    @AfterEach
    void stop() throws Exception {
        peers.close();
        ledger.close();
        threads.shutdownNow();
    }

    /** Continues the prefix to {@link #THOUGHTS} thoughts with letters of its seed, then an r in one of four. */
    private static Rollout rollout(SampleWork work, Reservation r) {
        List<Integer> response = new ArrayList<>(work.getStart().getPrefixTokenIdsList());
        int given = response.size();
        while (response.size() < 2 * THOUGHTS) {
            response.add(1 + (int) Math.floorMod(r.getSeed() + response.size(), 5L));
            response.add(END);
        }
        response.add(r.getSeed() % 4 == 0 ? 0 : 7);
        StringBuilder text = new StringBuilder();
        Rollout.Builder out = Rollout.newBuilder()
                .setId(r.getRolloutId())
                .setGroupId(work.getGroupId())
                .setPolicyDigest(work.getPolicy().getDigest())
                .addPromptTokenIds(77)
                .addAllPrefixTokenIds(response.subList(0, given))
                .addAllTokenIds(response.subList(given, response.size()))
                .setFinishReason(FinishReason.FINISH_REASON_STOP);
        for (int t : response.subList(given, response.size())) {
            out.addLogProbs(-1).addPolicyVersions(POLICY.number());
        }
        for (int i = 0; i < response.size(); i++) {
            int t = response.get(i);
            text.append(t == END ? ';' : t == 0 ? 'r' : (char) ('a' + t));
            if (t == END) {
                out.addThoughtEnds(i + 1).addThoughtTextEnds(i + 1);
            }
        }
        return out.setText(text.toString()).build();
    }

    private RunSpec spec(String... settings) {
        List<String> all = new ArrayList<>(List.of("resets.compare_with_oracle=false"));
        all.addAll(List.of(settings));
        return new RunSpec("run", RunFile.resolve("run.yaml", """
            method: rrpo
            policy: {base: somewhere}
            problems:
              train: {family: dial, level: hard, count: 8}
              evaluate:
                hard-test: {family: dial, level: hard, count: 4, split: test}
            prompts: {thought_delimiter: ";"}
            """, all));
    }

    private GroupRunner groups(RunSpec spec) {
        return groups(spec, peers.services);
    }

    private GroupRunner groups(RunSpec spec, Services services) {
        GroupRunner groups = new GroupRunner(spec, services, ledger, RunClock.system(), "");
        groups.know(List.of(new io.foothold.core.problem.Problem(
                "p", "statement", io.foothold.core.problem.ProblemKind.MATH, "", List.of("x;"), "", "train", 0)));
        groups.source().publishing(POLICY.number());
        return groups;
    }

    private MethodRunner runner(RunSpec spec) {
        return new MethodRunner(spec, peers.services, groups(spec), RunClock.system(), threads);
    }

    /** A place as the run file says, from one start. */
    private FilledPlace run(RunSpec spec, long seed) {
        return run(runner(spec), method(spec), "g" + seed, seed);
    }

    private static FilledPlace run(MethodRunner runner, Method method, String place, long seed) {
        return runner.run(method, "run/" + place, attempt -> root(), Seeds.of(seed), POLICY);
    }

    /** How every place of the run is filled. */
    private static Method method(RunSpec spec) {
        Methods methods = new Methods(spec.file());
        return methods.own();
    }

    private static PromptedStart root() {
        return new PromptedStart(new io.foothold.core.start.StartState.Root("p"), "prompt", 40);
    }

    /** The reset that a group begins with. */
    private static io.foothold.core.start.StartState.Reset reset(FilledGroup group) {
        return (io.foothold.core.start.StartState.Reset) group.start().origin();
    }

    private static boolean isReset(FilledGroup group) {
        return group.start().kind().equals("reset");
    }

    @Test
    void aHintIsSampledOnlyBehindAGroupOfTheBareProblemThatIsAllWrong() {
        RunSpec spec = spec(
                "resets.share=0",
                "mixture.root=0",
                "mixture.guided=1",
                "guidance.when=all_wrong",
                "prompts.root=Solve {problem}",
                "prompts.guided={problem} so: {prefix}",
                "sampling.rollouts_per_group=2");
        PromptedStart guided =
                new PromptedStart(new io.foothold.core.start.StartState.Guided("p", 1), "statement so: x;", 40);
        MethodRunner runner = runner(spec);
        Set<Integer> seen = new HashSet<>();
        for (long seed = 0; seed < 20; seed++) {
            asked.clear();
            FilledPlace unit = runner.run(method(spec), "run/g" + seed, attempt -> guided, Seeds.of(seed), POLICY);
            FilledGroup first = unit.groups().get(0);
            assertThat(first.start().kind()).isEqualTo("root");
            assertThat(first.start().maxTokens()).isEqualTo(guided.maxTokens());
            boolean wrong = first.members().stream().allMatch(m -> m.reward() == 0);
            assertThat(asked.stream().map(w -> w.getStart().getPrompt()))
                    .isEqualTo(wrong ? List.of("Solve statement", "statement so: x;") : List.of("Solve statement"));
            assertThat(unit.groups()).hasSize(wrong ? 2 : 1);
            if (wrong) {
                assertThat(unit.groups().get(1).start()).isEqualTo(guided);
                assertThat(unit.groups().get(1).members()).hasSize(2);
            }
            seen.add(unit.groups().size());
        }
        assertThat(seen).as("both came").containsExactlyInAnyOrder(1, 2);
        assertThat(states().keySet()).containsExactly(RolloutState.VERIFIED);
    }

    @Test
    void aPrefixThatNobodyDrewIsRefusedByWhatTheMethodMayStartAt() {
        Plain plain = new Plain(2);
        Method invents = (start, world, seeds) ->
                plain.place(new io.foothold.core.start.StartState.Guided("p", 1), world, seeds);
        assertThatThrownBy(() -> run(runner(spec()), invents, "g", 1))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("only where its place was drawn so (mixture.guided above 0)")
                .hasMessageContaining("Root[problemId=p]");
    }

    /** What the ledger holds once every write before has been made. */
    private Map<RolloutState, Long> states() {
        Ledger.await(ledger.savePreparation("run", "behind", "all"));
        return ledger.audit("run").counts();
    }

    @Test
    void everyGroupHasOneStartAndSuffixesContinueTheSeedsExactTokens() {
        for (String rule : List.of("paper", "reference")) {
            for (int base : new int[] {0, 4}) {
                for (int seeds : new int[] {1, 2}) {
                    RunSpec spec = spec(
                            "resets.seed_rule=" + rule,
                            "resets.base_rollouts=" + base,
                            "resets.seeds=" + seeds,
                            "resets.suffixes=3");
                    peers.localizing = work -> Localization.newBuilder()
                            .setRolloutId(work.getRolloutId())
                            .setStep(1 + (int) Math.floorMod(work.getSeed(), (long) work.getThoughtsCount()))
                            .build();
                    for (long seed = 0; seed < 40; seed++) {
                        asked.clear();
                        FilledPlace unit =
                                run(spec, seed + 1000L * base + 100L * seeds + (rule.equals("paper") ? 0 : 10_000));
                        check(unit, base, seeds);
                    }
                }
            }
        }
        assertThat(states().keySet()).containsExactlyInAnyOrder(RolloutState.VERIFIED, RolloutState.CONSUMED);
    }

    private void check(FilledPlace unit, int base, int seeds) {
        Set<String> ids = new HashSet<>();
        for (FilledGroup group : unit.groups()) {
            PromptedStart start = group.start();
            assertThat(ids.add(group.id())).as("group ids are its own").isTrue();
            for (FilledMember m : group.members()) {
                assertThat(ids.add(m.judged().rolloutId()))
                        .as("no rollout is in two groups")
                        .isTrue();
                assertThat(m.rollout().prefixTokenIds())
                        .as("members share their start, and what it gives is no target")
                        .isEqualTo(start.prefixTokenIds());
                assertThat(m.rollout().sampledTokens())
                        .as("credit covers sampled tokens only")
                        .isEqualTo(m.rollout().tokens().logProbs().size());
            }
            if (isReset(group)) {
                Rollout seed = asked.stream()
                        .flatMap(w -> w.getReservationsList().stream()
                                .filter(r ->
                                        r.getRolloutId().equals(reset(group).rolloutId()))
                                .map(r -> rollout(w, r)))
                        .findFirst()
                        .orElseThrow();
                int kept = 2 * (reset(group).thought() - 1);
                assertThat(start.prefixTokenIds())
                        .isEqualTo(seed.getTokenIdsList().subList(0, kept));
                assertThat(start.promptTokenIds()).isEqualTo(seed.getPromptTokenIdsList());
                assertThat(start.maxTokens()).isEqualTo(40 - kept);
                assertThat(group.members()).hasSize(3);
            }
        }
        long resets = unit.groups().stream().filter(MethodRunnerTest::isReset).count();
        assertThat(unit.resets().outcomes()).hasSize((int) resets);
        if (resets > 0) {
            assertThat(resets).isEqualTo(seeds);
            assertThat(unit.groups()).hasSize((base > 0 ? 1 : 0) + seeds);
        } else {
            assertThat(unit.groups()).hasSize(1);
            assertThat(unit.size()).as("the plain group has the split's size").isEqualTo(base + 3 * seeds);
        }
    }

    @Test
    void theSeedIsConsumedUnlessItIsAMemberToo() {
        FilledPlace reference = run(spec("resets.seed_rule=reference"), 3);
        assertThat(reference.groups()).hasSize(2);
        assertThat(states()).containsEntry(RolloutState.VERIFIED, 8L).containsEntry(RolloutState.CONSUMED, 1L);
        assertThat(ledger.tokensByUse("run").get("seed")).isEqualTo(2L * THOUGHTS + 1);
    }

    @Test
    void aLocalizerThatIsDownCostsItsGroupOnly() {
        peers.localizing = work -> {
            throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the localizer is down");
        };
        FilledPlace unit = run(spec(), 1);
        assertThat(unit.groups()).singleElement().matches(g -> g.start().kind().equals("root"));
        assertThat(unit.resets().dropped()).singleElement().asString().contains("the localizer is down");
        FilledPlace without = run(spec("resets.base_rollouts=0"), 2);
        assertThat(without.groups()).as("the fresh rollouts are trained").hasSize(1);
        assertThat(without.size()).isEqualTo(without.resets().draws());
    }

    /** What it cost a place before: its resets, which a run that goes on would never make. */
    @Test
    void aStopWhileAThoughtIsBeingNamedLeavesThePlaceToTheRunThatGoesOn() {
        for (String draws : List.of("resets.base_rollouts=4", "resets.base_rollouts=0")) {
            StopSignal signal = new StopSignal();
            peers.localizing = work -> {
                signal.stop();
                throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the localizer is down");
            };
            RunSpec spec = spec(draws);
            Services stoppable = peers.services.until(signal, Waits.SILENT);
            MethodRunner runner =
                    new MethodRunner(spec, stoppable, groups(spec, stoppable), RunClock.system(), threads);
            assertThatThrownBy(() -> run(runner, method(spec), "g" + draws, 1)).hasMessageContaining("asked to stop");
        }
        assertThat(states().keySet()).containsExactly(RolloutState.DROPPED);
    }

    @Test
    void aLocalizerThatIsAwayForLongerThanARunWaitsEndsTheRun() {
        peers.localizerGoes();
        assertThatThrownBy(() -> run(spec(), 1))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE))
                .hasMessageContaining("localizer");
        assertThat(states().keySet()).containsExactly(RolloutState.DROPPED);
    }

    @Test
    void aLocalizerThatRefusesEndsTheRunAndLeavesNothingUnderWay() {
        peers.localizing = work -> {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "mode external needs an url");
        };
        assertThatThrownBy(() -> run(spec("resets.seeds=2", "resets.draws=12"), 1))
                .hasMessageContaining("mode external needs an url");
        assertThat(states().keySet()).containsExactly(RolloutState.DROPPED);
    }

    @Test
    void whatCannotBeReadHasItsConfiguredConsequence() {
        for (Map.Entry<String, Integer> consequence :
                Map.of("first", 1, "last", THOUGHTS, "drop", 0).entrySet()) {
            peers.localizing = work -> Localization.newBuilder()
                    .setRolloutId(work.getRolloutId())
                    .setUnparseable("mumbling")
                    .build();
            FilledPlace unit = run(spec("resets.on_unparseable=" + consequence.getKey()), 20 + consequence.getValue());
            if (consequence.getValue() == 0) {
                assertThat(unit.resets().dropped()).singleElement().asString().contains("mumbling");
            } else {
                assertThat(reset(unit.groups().get(1)).thought()).isEqualTo(consequence.getValue());
            }
        }
        peers.localizing = work -> Localization.newBuilder()
                .setRolloutId(work.getRolloutId())
                .setNoError(NoError.getDefaultInstance())
                .build();
        FilledPlace unit = run(spec("resets.on_no_error=last"), 31);
        assertThat(reset(unit.groups().get(1)).thought()).isEqualTo(THOUGHTS);
        peers.localizing = work -> Localization.newBuilder()
                .setRolloutId(work.getRolloutId())
                .setStep(THOUGHTS + 2)
                .build();
        assertThat(run(spec(), 32).resets().dropped())
                .singleElement()
                .asString()
                .contains("a reset to thought 7 lies beyond rollout");
    }

    @Test
    void questionsAreSampledAndGoBackWithTheWork() {
        AtomicInteger rounds = new AtomicInteger();
        peers.localizing = work -> {
            rounds.incrementAndGet();
            Localization.Builder out = Localization.newBuilder().setRolloutId(work.getRolloutId());
            return work.getAnswersCount() == 0
                    ? out.setQuestions(Questions.newBuilder()
                                    .addStarts(StartState.newBuilder().setPrompt("first?"))
                                    .addStarts(StartState.newBuilder().setPrompt("second?"))
                                    .setSettings(SamplingSettings.newBuilder().setMaxTokens(4)))
                            .build()
                    : out.setStep(work.getAnswersCount()).build();
        };
        FilledPlace unit = run(spec(), 4);
        assertThat(rounds).hasValue(2);
        assertThat(reset(unit.groups().get(1)).thought()).isEqualTo(2);
        assertThat(asked.stream().map(w -> w.getStart().getPrompt())).contains("first?", "second?");
        assertThat(ledger.tokensByUse("run")).containsKey("localization");
        assertThat(states().keySet())
                .as("seeds may be members, answers are consumed")
                .contains(RolloutState.CONSUMED);
    }

    @Test
    void tooFewCleanResetsFallBackToRandomOnes() {
        List<LocalizerMode> modes = new CopyOnWriteArrayList<>();
        peers.localizing = work -> {
            modes.add(work.getMode());
            return Localization.newBuilder()
                    .setRolloutId(work.getRolloutId())
                    .setStep(4)
                    .setComparison(OracleComparison.newBuilder().setFirstError(2))
                    .build();
        };
        RunSpec spec = spec(
                "resets.localizer=self",
                "resets.compare_with_oracle=true",
                "resets.min_clean_share=0.5",
                "resets.base_rollouts=0");
        Methods methods = new Methods(spec.file());
        MethodRunner runner = runner(spec);
        for (int i = 0; i < 70; i++) {
            run(runner, methods.own(), "f" + i, i);
        }
        assertThat(methods.fellBack()).isTrue();
        assertThat(modes.subList(0, 64)).containsOnly(LocalizerMode.LOCALIZER_MODE_SELF);
        assertThat(modes.get(modes.size() - 1)).isEqualTo(LocalizerMode.LOCALIZER_MODE_RANDOM);
    }

    @Test
    void aRolloutIsJudgedWhileItsGroupIsStillBeingSampled() throws Exception {
        CountDownLatch judged = new CountDownLatch(1);
        peers.sampling = (work, results) -> {
            results.emit(SampleResponse.newBuilder()
                    .setRollout(rollout(work, work.getReservations(0)))
                    .build());
            // The second comes only when the first has been judged.
            threads.execute(() -> {
                try {
                    if (judged.await(10, TimeUnit.SECONDS)) {
                        results.emit(SampleResponse.newBuilder()
                                .setRollout(rollout(work, work.getReservations(1)))
                                .build());
                        results.done();
                    }
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
            return () -> {};
        };
        peers.verifying = work -> {
            judged.countDown();
            return Verdict.newBuilder().setKind(VerdictKind.VERDICT_KIND_FAIL).build();
        };
        assertThat(run(pair(), 1).groups().get(0).members()).hasSize(2);
    }

    /** Plain groups of two. */
    private RunSpec pair() {
        return spec("resets.share=0", "sampling.rollouts_per_group=2");
    }

    @Test
    void theVerifierIsToldThatAResponseBeginsInsideAThought() {
        List<Boolean> told = new CopyOnWriteArrayList<>();
        peers.sampling = (work, results) -> {
            for (int i = 0; i < 2; i++) {
                results.emit(SampleResponse.newBuilder()
                        .setRollout(rollout(work, work.getReservations(i)).toBuilder()
                                .setOpensInThought(i == 0))
                        .build());
            }
            results.done();
            return () -> {};
        };
        peers.verifying = work -> {
            told.add(work.getResponseOpensInThought());
            return Verdict.newBuilder().setKind(VerdictKind.VERDICT_KIND_FAIL).build();
        };
        run(pair(), 1);
        assertThat(told).containsExactlyInAnyOrder(true, false);
    }

    /** Segments of 4 of the 11 tokens, then leaves: siblings are groups, and a segment is worth the mean of its children. */
    @Test
    void aTreeOfSegmentsGivesAGroupForTheChildrenOfEveryNode() {
        RunSpec spec = spec("resets.share=0", "tree.branches=2x3x2", "tree.segment_tokens=4");
        MethodRunner runner = runner(spec);
        Method method = method(spec);
        peers.sampling = (work, results) -> {
            work.getReservationsList()
                    .forEach(r -> results.emit(SampleResponse.newBuilder()
                            .setRollout(cut(rollout(work, r), work.getStart().getMaxTokens()))
                            .build()));
            results.done();
            return () -> {};
        };
        for (long seed = 0; seed < 30; seed++) {
            FilledPlace unit = run(runner, method, "t" + seed, seed);
            assertThat(unit.groups()).hasSize(1 + 2 + 6);
            assertThat(unit.size()).isEqualTo(2 + 6 + 12);
            for (FilledGroup parent : unit.groups()) {
                for (FilledMember m : parent.members()) {
                    String id = m.judged().rolloutId();
                    unit.groups().stream()
                            .filter(g -> isReset(g) && reset(g).rolloutId().equals(id))
                            .findFirst()
                            .ifPresentOrElse(
                                    children -> {
                                        assertThat(m.reward())
                                                .isEqualTo(children.members().stream()
                                                        .mapToDouble(FilledMember::reward)
                                                        .average()
                                                        .orElseThrow());
                                        assertThat(children.start().prefixTokenIds())
                                                .isEqualTo(m.rollout().responseTokenIds());
                                        assertThat(children.start().prefixTokenIds())
                                                .hasSize(reset(children).givenTokens());
                                    },
                                    () -> assertThat(m.reward())
                                            .isEqualTo(m.judged().passed() ? 1 : 0));
                }
            }
        }
        assertThat(states().keySet()).containsExactly(RolloutState.VERIFIED);
        assertThatThrownBy(() -> spec("tree.branches=2x4"))
                .hasMessageContaining("'resets.share' and 'tree.branches' contradict each other");
        assertThatThrownBy(() -> spec("resets.share=0", "tree.branches=8"))
                .hasMessageContaining("such as 2x4, got '8'");
    }

    private static Rollout cut(Rollout whole, int tokens) {
        return whole.getTokenIdsCount() <= tokens
                ? whole
                : whole.toBuilder()
                        .clearTokenIds()
                        .addAllTokenIds(whole.getTokenIdsList().subList(0, tokens))
                        .clearLogProbs()
                        .addAllLogProbs(whole.getLogProbsList().subList(0, tokens))
                        .setFinishReason(FinishReason.FINISH_REASON_LENGTH)
                        .build();
    }

    @Test
    void everyAnswerIsRevisedAndTheRevisionIsRewardedForProgress() {
        RunSpec spec = spec(
                "resets.share=0", "revision.prompt={problem} | {response} | again", "sampling.rollouts_per_group=4");
        MethodRunner runner = runner(spec);
        Method method = method(spec);
        Set<Double> rewards = new HashSet<>();
        for (long seed = 0; seed < 40; seed++) {
            FilledPlace unit = run(runner, method, "v" + seed, seed);
            assertThat(unit.groups()).hasSize(5);
            List<FilledMember> answers = unit.groups().get(0).members();
            for (int i = 0; i < 4; i++) {
                FilledGroup revision = unit.groups().get(1 + i);
                FilledMember m = revision.members().get(0);
                double before = answers.get(i).judged().passed() ? 1 : 0;
                double after = m.judged().passed() ? 1 : 0;
                assertThat(m.reward()).isEqualTo(after + 10 * (after - before));
                assertThat(revision.members()).hasSize(1);
                assertThat(revision.start().prompt())
                        .isEqualTo("statement | "
                                + answers.get(i).rollout().response().text() + " | again");
                assertThat(((io.foothold.core.start.StartState.Revision)
                                        revision.start().origin())
                                .rolloutId())
                        .isEqualTo(answers.get(i).judged().rolloutId());
                rewards.add(m.reward());
            }
        }
        assertThat(rewards).containsExactlyInAnyOrder(0.0, 1.0, 11.0, -10.0);
        assertThatThrownBy(() -> spec("resets.share=0", "revision.prompt=again"))
                .hasMessageContaining("must hold {response}");
        assertThatThrownBy(() -> spec("revision.prompt={response}")).hasMessageContaining("set one of");
    }

    @Test
    void theBestRefinementOfTheFailedAnswersJoinsTheirGroup() {
        RunSpec spec = spec(
                "resets.share=0",
                "revision.use=best",
                "revision.prompt={problem} | {response} | wrong",
                "sampling.rollouts_per_group=4");
        MethodRunner runner = runner(spec);
        Method method = method(spec);
        Set<Double> rewards = new HashSet<>();
        int refined = 0;
        int consumed = 0;
        for (long seed = 0; seed < 300; seed++) {
            asked.clear();
            FilledGroup group = run(runner, method, "c" + seed, seed).groups().get(0);
            List<FilledMember> answers = group.members().subList(0, 4);
            long failed = answers.stream().filter(a -> !a.judged().passed()).count();
            List<SampleWork> asking =
                    asked.stream().filter(w -> w.getStart().hasRevision()).toList();
            assertThat(asking).as("only what failed is refined").hasSize((int) failed);
            assertThat(group.members()).hasSize(failed == 0 ? 4 : 5);
            assertThat(answers)
                    .allMatch(a -> a.refines() == null
                            && a.rewarded(List.of()).trainedPromptTokenIds().isEmpty());
            if (failed > 0) {
                FilledMember best = group.members().get(4);
                boolean any = asking.stream().anyMatch(w -> w.getReservations(0).getSeed() % 4 == 0);
                assertThat(best.reward()).as("the best of them").isEqualTo(any ? 1 : 0);
                assertThat(best.rewarded(List.of()).trainedPromptTokenIds())
                        .as("trained under the answers' prompt")
                        .isEqualTo(answers.get(0).rollout().promptTokenIds());
                rewards.add(best.reward());
                refined++;
                consumed += (int) failed - 1;
            }
        }
        assertThat(rewards).containsExactlyInAnyOrder(0.0, 1.0);
        assertThat(states())
                .containsEntry(RolloutState.VERIFIED, 4 * 300L + refined)
                .containsEntry(RolloutState.CONSUMED, (long) consumed);
        assertThatThrownBy(() -> spec("resets.share=0", "revision.use=best")).hasMessageContaining("revision.prompt");
        assertThatThrownBy(() ->
                        spec("resets.share=0", "revision.use=best", "revision.prompt={response}", "loss.shaping=0"))
                .hasMessageContaining("'loss.shaping' must be above 0");
    }

    @Test
    void aRefinementThatCannotBeHadDropsTheWholePlace() {
        RunSpec spec = spec(
                "resets.share=0",
                "revision.use=best",
                "revision.prompt={response} wrong",
                "sampling.rollouts_per_group=4");
        var answering = peers.sampling;
        peers.sampling = (work, results) -> {
            if (!work.getStart().hasRevision()) {
                return answering.start(work, results);
            }
            work.getReservationsList()
                    .forEach(r -> results.emit(SampleResponse.newBuilder()
                            .setFailed(FailedRollout.newBuilder()
                                    .setRolloutId(r.getRolloutId())
                                    .setFailure(new FootholdException(ErrorCode.PEER_UNAVAILABLE, "no server")
                                            .toItemFailure()))
                            .build()));
            results.done();
            return () -> {};
        };
        MethodRunner runner = runner(spec);
        Method method = method(spec);
        assertThatThrownBy(() -> run(runner, method, "d", 1)).hasMessageContaining("no server");
        assertThat(states()).containsOnlyKeys(RolloutState.DROPPED);
    }

    @Test
    void aPlaceWithoutSignalIsFilledAgainFromAnotherStart() {
        RunSpec spec = spec("resets.share=0", "sampling.rollouts_per_group=4", "sampling.refills=3");
        GroupRunner groups = groups(spec);
        MethodRunner runner = new MethodRunner(spec, peers.services, groups, RunClock.system(), threads);
        Method method = method(spec);
        Set<Integer> refills = new HashSet<>();
        long dropped = 0;
        long kept = 0;
        for (long seed = 0; seed < 200; seed++) {
            List<Integer> drawn = new ArrayList<>();
            FilledPlace unit = runner.run(
                    method,
                    "run/f" + seed,
                    attempt -> {
                        drawn.add(attempt);
                        return new PromptedStart(
                                new io.foothold.core.start.StartState.Root("p"),
                                attempt == 0 ? "" : "another " + attempt,
                                0);
                    },
                    Seeds.of(seed),
                    POLICY);
            FilledGroup last = unit.groups().get(0);
            boolean signal = last.passes() > 0 && last.passes() < 4;
            assertThat(signal || unit.refills() == 3).isTrue();
            assertThat(drawn).isEqualTo(List.of(0, 1, 2, 3).subList(0, 1 + unit.refills()));
            assertThat(last.start().prompt()).isEqualTo(unit.refills() == 0 ? "" : "another " + unit.refills());
            refills.add(unit.refills());
            dropped += 4L * unit.refills();
            kept += 4;
        }
        assertThat(refills).containsExactlyInAnyOrder(0, 1, 2, 3);
        assertThat(states()).containsEntry(RolloutState.VERIFIED, kept).containsEntry(RolloutState.DROPPED, dropped);
        assertThat(groups.trainingTokens()).isEqualTo((kept + dropped) * (2L * THOUGHTS + 1));
    }

    @Test
    void aMethodThatForgetsRolloutsIsRefusedAndNothingIsLeftUnderWay() {
        Method forgets = (start, peers, seeds) -> {
            Place drawn = new Plain(4).place(start, peers, seeds);
            Group group = drawn.groups().get(0);
            return new Place(List.of(new Group(group.start(), group.members().subList(0, 2))), drawn.ends());
        };
        assertThatThrownBy(() -> run(runner(pair()), forgets, "o", 1))
                .hasMessageContaining("rollouts were left without an end")
                .hasMessageContaining("run/o/2")
                .hasMessageContaining("run/o/3");
        assertThat(states()).isEqualTo(Map.of(RolloutState.DROPPED, 4L));
    }

    /** Else tokens that the start gave would be trained, or sampled ones left out. */
    @Test
    void aSamplerThatContinuesOtherTokensThanTheStartGivesIsRefused() {
        var right = peers.sampling;
        peers.sampling = (work, results) -> right.start(
                work.getStart().hasReset()
                        ? work.toBuilder()
                                .setStart(work.getStart().toBuilder().clearPrefixTokenIds())
                                .build()
                        : work,
                results);
        peers.localizing = work -> Localization.newBuilder()
                .setRolloutId(work.getRolloutId())
                .setStep(3)
                .build();
        assertThatThrownBy(() -> run(spec(), 1)).hasMessageContaining("has 0 given tokens, its start has 4");
    }

    @Test
    void aLedgerThatCannotWriteIsSaidWhereGroupsAreAdmitted() {
        RunSpec spec = pair();
        GroupRunner groups = groups(spec);
        MethodRunner runner = new MethodRunner(spec, peers.services, groups, RunClock.system(), threads);
        Method method = method(spec);
        assertThat(run(runner, method, "w", 1).size()).isEqualTo(2);
        groups.checkWrites();
        // The same ids again: the second reservation breaks the primary key.
        run(runner, method, "w", 1);
        Ledger.await(ledger.savePreparation("run", "behind", "both"));
        assertThatThrownBy(groups::checkWrites).hasMessageContaining("the ledger cannot be written");
    }

    @Test
    void runFilesWhoseResetsCannotWorkAreRefused() {
        assertThatThrownBy(() ->
                        spec("prompts.thought_delimiter=", "sampling.max_thought_tokens=0", "sampling.max_thoughts=0"))
                .hasMessageContaining("rollout has no thoughts");
        assertThatThrownBy(() -> spec("resets.draws=3")).hasMessageContaining("does not fit its draws");
        assertThatThrownBy(() -> spec("resets.share=1.5")).hasMessageContaining("from 0 to 1");
        assertThatThrownBy(() -> spec("resets.localizer=sef")).hasMessageContaining("did you mean 'self'?");
        assertThatThrownBy(() -> spec("resets.offset=-1")).hasMessageContaining("from 0 to 1000000 thoughts");
        assertThatThrownBy(() -> spec("resets.min_clean_share=0.2")).hasMessageContaining("compare_with_oracle");
        assertThatThrownBy(() -> spec("staleness=1")).hasMessageContaining("a loss without a ratio");
    }

    /** Whoever stamped them, tokens of another policy are not what was asked for: each use asks again or does without them. */
    @Test
    void tokensOfAnotherPolicyAreNeverTaken() {
        var right = peers.sampling;
        List<SampleWork> asked = Collections.synchronizedList(new ArrayList<>());
        for (int wrong = 0; wrong < 3; wrong++) {
            int which = wrong;
            peers.sampling = (work, results) -> {
                asked.add(work);
                work.getReservationsList().forEach(r -> {
                    Rollout good = rollout(work, r);
                    Rollout.Builder bad = good.toBuilder();
                    switch (which) {
                        case 0 -> bad.setPolicyVersions(good.getPolicyVersionsCount() - 1, POLICY.number() + 1);
                        case 1 -> bad.setPolicyVersions(0, POLICY.number() - 1);
                        default -> bad.setPolicyDigest("other");
                    }
                    results.emit(SampleResponse.newBuilder()
                            .setRollout(r.getRolloutId().matches(".*(\\+1|/[02468])") ? good : bad.build())
                            .build());
                });
                results.done();
                return () -> {};
            };
            PromptedStart start = new PromptedStart(new io.foothold.core.start.StartState.Root("p"), "", 0);
            RunSpec spec = spec();
            RunSpec four = spec("resets.share=0", "sampling.rollouts_per_group=4");
            List<Judged> judged = groups(spec)
                    .consume("evaluation", "run/e" + wrong, start, spec.trainSampling(), 8, Seeds.of(1), POLICY);
            assertThat(judged).hasSize(8).allMatch(Judged::judged);
            assertThat(judged.stream().flatMap(j -> j.sampledBy().stream())).containsOnly(POLICY);
            assertThat(judged.stream().map(Judged::rolloutId))
                    .as("what another policy sampled was asked for again")
                    .contains("run/e" + wrong + "/0", "run/e" + wrong + "/1+1");
            List<FilledMember> members =
                    run(runner(four), method(four), "m" + wrong, 5).members();
            assertThat(members.stream().flatMap(m -> m.judged().sampledBy().stream()))
                    .as("a member with another policy's tokens was asked for again")
                    .containsOnly(POLICY);
        }
        assertThat(asked)
                .allMatch(w -> w.getPolicy().getVersion() == 7
                        && w.getPolicy().getDigest().equals("d"));
        asked.clear();
        peers.sampling = (work, results) -> {
            asked.add(work);
            return right.start(work, results);
        };
        RunSpec asynchronous =
                spec("staleness=2", "loss.allow_off_policy=true", "resets.share=0", "sampling.rollouts_per_group=2");
        run(runner(asynchronous), method(asynchronous), "a", 1);
        assertThat(asked).allMatch(w -> !w.hasPolicy() && w.getMinPolicyVersion() == 7);
    }
}
