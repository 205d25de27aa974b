package io.foothold.augmentation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.augmentation.dial.Dial;
import io.foothold.augmentation.grpc.AugmentationGrpc;
import io.foothold.contracts.draw.ProblemSetDigest;
import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.files.Roots;
import io.foothold.v1.*;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.helpers.test.AssertSubscriber;
import io.smallrye.mutiny.operators.multi.processors.UnicastProcessor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The question loops of mining and search: credits, duplicates, cancel, half-close, a restart that begins anew. */
class ProbeStreamTest {
    private static final Roots NONE = Roots.of(List.of());

    private static final ProblemSource SOURCE = ProblemSource.newBuilder()
            .setGenerated(GeneratedFamily.newBuilder()
                    .setFamily("dial")
                    .setLevel("hard")
                    .setCount(6)
                    .setSplit("train"))
            .build();
    private static final PromptTemplates TEMPLATES = PromptTemplates.newBuilder()
            .setRoot(Dial.ROOT_TEMPLATE)
            .setGuided(Dial.GUIDED_TEMPLATE)
            .build();

    private static SearchPrefixesRequest start() {
        return SearchPrefixesRequest.newBuilder()
                .setStart(SearchPrefixesStart.newBuilder()
                        .setSource(SOURCE)
                        .setTemplates(TEMPLATES)
                        .setMode(PrefixSearchMode.PREFIX_SEARCH_MODE_ASCENDING)
                        .setRolloutsPerCandidate(8)
                        .setMinPasses(1))
                .build();
    }

    private static SearchPrefixesRequest credit(int items) {
        return SearchPrefixesRequest.newBuilder()
                .setCredit(Credit.newBuilder().setItems(items))
                .build();
    }

    private static SearchPrefixesRequest outcome(Probe probe, int passes) {
        return SearchPrefixesRequest.newBuilder()
                .setOutcome(ProbeOutcome.newBuilder()
                        .setProbeId(probe.getProbeId())
                        .setPasses(passes)
                        .setJudged(8))
                .build();
    }

    @Test
    void nothingIsAskedWithoutCreditAndEveryProblemIsFoundOnce() {
        UnicastProcessor<SearchPrefixesRequest> up = UnicastProcessor.create();
        AssertSubscriber<SearchPrefixesResponse> down = new AugmentationGrpc(NONE, new SimpleMeterRegistry())
                .searchPrefixes(up)
                .subscribe()
                .withSubscriber(AssertSubscriber.create(Long.MAX_VALUE));
        up.onNext(start());
        assertThat(down.getItems()).isEmpty();
        up.onNext(credit(2));
        await().until(() -> down.getItems().size() == 2);
        assertThat(down.getItems()).allMatch(SearchPrefixesResponse::hasProbe);
        int answered = 0;
        int duplicates = 0;
        while (answered < down.getItems().size()) {
            SearchPrefixesResponse item = down.getItems().get(answered++);
            if (item.hasProbe()) {
                int passes = item.getProbe().getStart().getGuided().getPrefixThoughts() >= 4 ? 1 : 0;
                up.onNext(outcome(item.getProbe(), passes));
                if (duplicates++ < 3) {
                    up.onNext(outcome(item.getProbe(), 8));
                }
                up.onNext(credit(1));
            }
        }
        List<FoundPrefix> found = down.getItems().stream()
                .filter(SearchPrefixesResponse::hasFound)
                .map(SearchPrefixesResponse::getFound)
                .toList();
        assertThat(found).hasSize(6).allMatch(f -> f.getPrefixThoughts() == 4 && !f.getFallback());
        SearchPrefixesResponse last = down.getItems().get(down.getItems().size() - 1);
        assertThat(last.getSummary().getFallbacks()).isZero();
        down.awaitCompletion();
    }

    @Test
    void whereNothingWorksTheLongestPrefixIsTakenIfThatIsAskedFor() {
        SearchPrefixesRequest.Builder start = start().toBuilder();
        start.getStartBuilder().setFallback(PrefixFallback.PREFIX_FALLBACK_LONGEST);
        UnicastProcessor<SearchPrefixesRequest> up = UnicastProcessor.create();
        AssertSubscriber<SearchPrefixesResponse> down = new AugmentationGrpc(NONE, new SimpleMeterRegistry())
                .searchPrefixes(up)
                .subscribe()
                .withSubscriber(AssertSubscriber.create(Long.MAX_VALUE));
        up.onNext(start.build());
        up.onNext(credit(1));
        int longest = 0;
        for (int i = 0; i == 0 || !down.getItems().get(i - 1).hasSummary(); i++) {
            int at = i;
            await().until(() -> down.getItems().size() > at);
            SearchPrefixesResponse item = down.getItems().get(i);
            if (item.hasProbe()) {
                longest =
                        Math.max(longest, item.getProbe().getStart().getGuided().getPrefixThoughts());
                up.onNext(outcome(item.getProbe(), 0));
                up.onNext(credit(1));
            }
        }
        down.awaitCompletion();
        int most = longest;
        assertThat(most).isGreaterThan(2);
        assertThat(down.getItems().stream()
                        .filter(SearchPrefixesResponse::hasFound)
                        .map(SearchPrefixesResponse::getFound))
                .hasSize(6)
                .allMatch(f -> f.getPrefixThoughts() == most && f.getFallback());
    }

    @Test
    void aCancelledSearchStopsAndANewOneBeginsAnew() {
        AugmentationGrpc service = new AugmentationGrpc(NONE, new SimpleMeterRegistry());
        for (int round = 0; round < 2; round++) {
            UnicastProcessor<SearchPrefixesRequest> up = UnicastProcessor.create();
            AssertSubscriber<SearchPrefixesResponse> down =
                    service.searchPrefixes(up).subscribe().withSubscriber(AssertSubscriber.create(Long.MAX_VALUE));
            up.onNext(start());
            up.onNext(credit(3));
            await().until(() -> down.getItems().size() == 3);
            assertThat(down.getItems().get(0).getProbe().getProbeId()).isEqualTo(1);
            down.cancel();
            await().until(() -> !up.hasSubscriber());
        }
    }

    @Test
    void aStreamThatBeginsWronglyIsRefused() {
        assertThatThrownBy(() -> new AugmentationGrpc(NONE, new SimpleMeterRegistry())
                        .searchPrefixes(Multi.createFrom().items(credit(1)))
                        .collect()
                        .asList()
                        .await()
                        .indefinitely())
                .hasMessageContaining("begins with its start");
    }

    @Test
    void drawsDependOnTheRequestAloneAndUnknownProblemsAreRefused() {
        DrawStartStatesRequest.Builder request = DrawStartStatesRequest.newBuilder()
                .setSource(SOURCE)
                .setTemplates(TEMPLATES)
                .addMixture(MixturePart.newBuilder()
                        .setRoot(Root.getDefaultInstance())
                        .setShare(1))
                .addMixture(MixturePart.newBuilder()
                        .setGuided(Guided.getDefaultInstance())
                        .setShare(1))
                .setDraw(MixtureDraw.MIXTURE_DRAW_STRATIFIED)
                .setSeed(4)
                .setUpdate(2)
                .setGroups(6);
        for (int i = 0; i < 6; i++) {
            request.putAllPrefixes(Map.of("hard-train-0-" + i, 2));
        }
        var once = new AugmentationGrpc(NONE, new SimpleMeterRegistry())
                .drawStartStates(request.build())
                .await()
                .indefinitely();
        var again = new AugmentationGrpc(NONE, new SimpleMeterRegistry())
                .drawStartStates(request.build())
                .await()
                .indefinitely();
        assertThat(once).isEqualTo(again);
        assertThat(once.getStartsList().stream().filter(StartState::hasGuided)).hasSize(3);
        assertThatThrownBy(() -> new AugmentationGrpc(NONE, new SimpleMeterRegistry())
                        .drawStartStates(request.addProblemIds("nobody").build())
                        .await()
                        .indefinitely())
                .hasMessageContaining("nobody");
    }

    /** Handed over once and named, a selection draws what its ids and prefixes draw. */
    @Test
    void aSelectionThatIsNamedDrawsTheSameAndIsForgottenWithItsService() {
        DrawStartStatesRequest.Builder request = DrawStartStatesRequest.newBuilder()
                .setSource(SOURCE)
                .setTemplates(TEMPLATES)
                .addMixture(MixturePart.newBuilder()
                        .setGuided(Guided.getDefaultInstance())
                        .setShare(1))
                .setDraw(MixtureDraw.MIXTURE_DRAW_INDEPENDENT)
                .setSeed(4)
                .setUpdate(2)
                .setGroups(6);
        Selection selection = new Selection(
                List.of("hard-train-0-4", "hard-train-0-1"), Map.of("hard-train-0-4", 1, "hard-train-0-1", 2));
        DrawStartStatesRequest named =
                request.clone().setSelectionDigest(selection.digest()).build();
        AugmentationGrpc service = new AugmentationGrpc(NONE, new SimpleMeterRegistry());
        assertThat(service.drawStartStates(named).await().indefinitely())
                .isEqualTo(DrawStartStatesResponse.newBuilder()
                        .setSelectionUnknown(true)
                        .build());
        assertThat(service.selectProblems(Multi.createFrom().iterable(selection.chunks()))
                        .await()
                        .indefinitely()
                        .getDigest())
                .isEqualTo(selection.digest());
        DrawStartStatesResponse drawn = service.drawStartStates(named).await().indefinitely();
        assertThat(drawn)
                .isEqualTo(service.drawStartStates(request.addAllProblemIds(selection.problemIds())
                                .putAllPrefixes(selection.prefixes())
                                .build())
                        .await()
                        .indefinitely());
        assertThat(drawn.getStartsList()).hasSize(6);
        assertThat(new AugmentationGrpc(NONE, new SimpleMeterRegistry())
                        .drawStartStates(named)
                        .await()
                        .indefinitely()
                        .getSelectionUnknown())
                .isTrue();
    }

    @Test
    void aSetThatIsNotTheOneTheRunLoadedIsRefused() {
        AugmentationGrpc service = new AugmentationGrpc(NONE, new SimpleMeterRegistry());
        List<Problem> loaded = service.loadProblems(
                        LoadProblemsRequest.newBuilder().setSource(SOURCE).build())
                .map(LoadProblemsResponse::getProblem)
                .collect()
                .asList()
                .await()
                .indefinitely();
        DrawStartStatesRequest.Builder request = DrawStartStatesRequest.newBuilder()
                .setSource(SOURCE)
                .setTemplates(TEMPLATES)
                .addMixture(MixturePart.newBuilder()
                        .setRoot(Root.getDefaultInstance())
                        .setShare(1))
                .setDraw(MixtureDraw.MIXTURE_DRAW_INDEPENDENT)
                .setGroups(1)
                .setProblemSetDigest(ProblemSetDigest.of(loaded));
        assertThat(service.drawStartStates(request.build())
                        .await()
                        .indefinitely()
                        .getStartsList())
                .hasSize(1);
        assertThatThrownBy(() -> service.drawStartStates(
                                request.setProblemSetDigest(ProblemSetDigest.of(loaded.reversed()))
                                        .build())
                        .await()
                        .indefinitely())
                .hasMessageContaining("changed while the run goes on");
    }

    /** 0 of 8 is no proof: what the first look leaves hard is asked for again, with more samples, and all of them count. */
    @Test
    void aProblemIsHardWhenTheSecondLookFoundItSoToo() {
        UnicastProcessor<MineHardSetRequest> up = UnicastProcessor.create();
        AssertSubscriber<MineHardSetResponse> down = new AugmentationGrpc(NONE, new SimpleMeterRegistry())
                .mineHardSet(up)
                .subscribe()
                .withSubscriber(AssertSubscriber.create(Long.MAX_VALUE));
        up.onNext(MineHardSetRequest.newBuilder()
                .setStart(MineHardSetStart.newBuilder()
                        .setSource(SOURCE)
                        .setTemplates(TEMPLATES)
                        .setSamples(8)
                        .setMaxPasses(1)
                        .setSecondSamples(32))
                .build());
        up.onNext(MineHardSetRequest.newBuilder()
                .setCredit(Credit.newBuilder().setItems(100))
                .build());
        await().until(() -> down.getItems().size() == 6);
        // By order of the set: solved at the first look (2), at the second (0 + 2, 1 + 1), and never above one pass
        // (the rest).
        int[] first = {2, 0, 1, 0, 1, 0};
        int[] second = {0, 2, 1, 1, 0, 0};
        List<String> ids = down.getItems().stream()
                .map(r -> r.getProbe().getStart().getProblemId())
                .toList();
        for (int answered = 0; answered < 11; answered++) {
            int at = answered;
            await().until(() -> down.getItems().size() > at);
            Probe probe = down.getItems().get(at).getProbe();
            int look = probe.getEarlierLooks();
            assertThat(probe.getRollouts()).isEqualTo(look == 0 ? 8 : 32);
            int problem = ids.indexOf(probe.getStart().getProblemId());
            up.onNext(MineHardSetRequest.newBuilder()
                    .setOutcome(ProbeOutcome.newBuilder()
                            .setProbeId(probe.getProbeId())
                            .setPasses(look == 0 ? first[problem] : second[problem])
                            .setJudged(probe.getRollouts()))
                    .build());
        }
        await().until(() -> down.getItems().size() == 12);
        HardSet set = down.getItems().get(11).getHardSet();
        assertThat(set.getProblemIdsList()).containsExactly(ids.get(3), ids.get(4), ids.get(5));
        assertThat(set.getTried()).isEqualTo(6);
        assertThat(set.getLookedAtTwice()).isEqualTo(5);
        assertThat(set.getRollouts()).isEqualTo(6 * 8 + 5 * 32);
    }
}
