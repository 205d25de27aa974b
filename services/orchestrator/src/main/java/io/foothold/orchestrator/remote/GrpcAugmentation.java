package io.foothold.orchestrator.remote;

import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.trace.Trace;
import io.foothold.core.problem.Problem;
import io.foothold.core.stats.SetStatistics;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.v1.DrawStartStatesRequest;
import io.foothold.v1.DrawStartStatesResponse;
import io.foothold.v1.LoadProblemsRequest;
import io.foothold.v1.MineHardSetRequest;
import io.foothold.v1.MineHardSetStart;
import io.foothold.v1.MutinyAugmentationServiceGrpc;
import io.foothold.v1.SearchPrefixesRequest;
import io.foothold.v1.SearchPrefixesStart;
import io.smallrye.mutiny.Multi;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/** Augmentation behind a connection, as one run sees it. */
final class GrpcAugmentation implements Augmentation {
    private static final int MOST_HANDED_OVER = 5;

    private final Calls calls;
    private final String name;
    private final MutinyAugmentationServiceGrpc.MutinyAugmentationServiceStub augmentation;

    GrpcAugmentation(
            Calls calls, String name, MutinyAugmentationServiceGrpc.MutinyAugmentationServiceStub augmentation) {
        this.calls = calls;
        this.name = name;
        this.augmentation = augmentation;
    }

    @Override
    public List<Problem> problems(Source source) {
        LoadProblemsRequest request = LoadProblemsRequest.newBuilder()
                .setSource(AugmentationMessages.source(source))
                .build();
        return calls.call(name, () -> augmentation
                .loadProblems(request)
                .map(response -> ProblemMessages.problem(response.getProblem()))
                .collect()
                .asList());
    }

    @Override
    public List<PromptedStart> draw(Draw draw, Selection selection) {
        try (Trace.Part part = Trace.begin("draw").with("update", draw.update())) {
            List<PromptedStart> drawn = part.during(() -> drawn(draw, selection));
            String trace = part.carried();
            return trace.isEmpty()
                    ? drawn
                    : drawn.stream().map(start -> start.withTrace(trace)).toList();
        }
    }

    private List<PromptedStart> drawn(Draw draw, Selection selection) {
        DrawStartStatesRequest named = AugmentationMessages.draw(draw).toBuilder()
                .setSelectionDigest(selection.digest())
                .build();
        for (int handedOver = 0; ; handedOver++) {
            DrawStartStatesResponse drawn = calls.call(name, () -> augmentation.drawStartStates(named));
            if (!drawn.getSelectionUnknown()) {
                return drawn.getStartsList().stream()
                        .map(RolloutMessages::start)
                        .toList();
            }
            if (handedOver == MOST_HANDED_OVER) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE,
                        "augmentation does not know the problems to draw from although they were handed over "
                                + MOST_HANDED_OVER + " times");
            }
            calls.call(
                    name, () -> augmentation.selectProblems(Multi.createFrom().iterable(selection.chunks())));
        }
    }

    @Override
    public HardSet mine(Mining mining, int window, Function<Probe, CompletableFuture<SetStatistics.Count>> answer) {
        return calls.patience()
                .call(name, () -> mineOnce(AugmentationMessages.mining(mining), window, answer))
                .get();
    }

    private Supplier<HardSet> mineOnce(
            MineHardSetStart start, int window, Function<Probe, CompletableFuture<SetStatistics.Count>> answer) {
        ProbeStream<MineHardSetRequest, HardSet> stream = new ProbeStream<>(
                calls.stop(),
                MineHardSetRequest.newBuilder().setStart(start).build(),
                c -> MineHardSetRequest.newBuilder().setCredit(c).build(),
                o -> MineHardSetRequest.newBuilder().setOutcome(o).build(),
                window,
                answer);
        return stream.run(augmentation.mineHardSet(stream.requests()), response -> {
            if (response.hasHardSet()) {
                io.foothold.v1.HardSet set = response.getHardSet();
                stream.ended(new HardSet(
                        set.getProblemIdsList(), set.getTried(), set.getRollouts(), set.getLookedAtTwice()));
            } else {
                stream.probed(response.getProbe());
            }
        });
    }

    @Override
    public Searched searchPrefixes(
            Search search,
            int window,
            Function<Probe, CompletableFuture<SetStatistics.Count>> answer,
            Consumer<FoundPrefix> found) {
        return calls.patience()
                .call(name, () -> searchOnce(AugmentationMessages.search(search), window, answer, found))
                .get();
    }

    private Supplier<Searched> searchOnce(
            SearchPrefixesStart start,
            int window,
            Function<Probe, CompletableFuture<SetStatistics.Count>> answer,
            Consumer<FoundPrefix> found) {
        ProbeStream<SearchPrefixesRequest, Searched> stream = new ProbeStream<>(
                calls.stop(),
                SearchPrefixesRequest.newBuilder().setStart(start).build(),
                c -> SearchPrefixesRequest.newBuilder().setCredit(c).build(),
                o -> SearchPrefixesRequest.newBuilder().setOutcome(o).build(),
                window,
                answer);
        return stream.run(augmentation.searchPrefixes(stream.requests()), response -> {
            switch (response.getMessageCase()) {
                case SUMMARY ->
                    stream.ended(new Searched(
                            response.getSummary().getRollouts(),
                            response.getSummary().getFallbacks()));
                case FOUND -> {
                    io.foothold.v1.FoundPrefix prefix = response.getFound();
                    found.accept(
                            new FoundPrefix(prefix.getProblemId(), prefix.getPrefixThoughts(), prefix.getFallback()));
                }
                case PROBE -> stream.probed(response.getProbe());
                case MESSAGE_NOT_SET -> stream.ended();
            }
        });
    }
}
