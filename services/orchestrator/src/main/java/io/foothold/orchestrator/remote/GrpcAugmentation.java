package io.foothold.orchestrator.remote;

import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.trace.Trace;
import io.foothold.v1.*;
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
    public List<io.foothold.core.problem.Problem> problems(ProblemSource source) {
        LoadProblemsRequest request =
                LoadProblemsRequest.newBuilder().setSource(source).build();
        return calls.call(name, () -> augmentation
                .loadProblems(request)
                .map(response -> ProblemMessages.problem(response.getProblem()))
                .collect()
                .asList());
    }

    @Override
    public List<StartState> draw(DrawStartStatesRequest request, Selection selection) {
        try (Trace.Part draw = Trace.begin("draw").with("update", request.getUpdate())) {
            List<StartState> drawn = draw.during(() -> drawn(request, selection));
            String trace = draw.carried();
            return trace.isEmpty()
                    ? drawn
                    : drawn.stream()
                            .map(start -> start.toBuilder().setTrace(trace).build())
                            .toList();
        }
    }

    private List<StartState> drawn(DrawStartStatesRequest request, Selection selection) {
        DrawStartStatesRequest named =
                request.toBuilder().setSelectionDigest(selection.digest()).build();
        for (int handedOver = 0; ; handedOver++) {
            DrawStartStatesResponse drawn = calls.call(name, () -> augmentation.drawStartStates(named));
            if (!drawn.getSelectionUnknown()) {
                return drawn.getStartsList();
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
    public HardSet mine(MineHardSetStart start, int window, Function<Probe, CompletableFuture<ProbeOutcome>> answer) {
        return calls.patience()
                .call(name, () -> mineOnce(start, window, answer))
                .get();
    }

    private Supplier<HardSet> mineOnce(
            MineHardSetStart start, int window, Function<Probe, CompletableFuture<ProbeOutcome>> answer) {
        ProbeStream<MineHardSetRequest, HardSet> stream = new ProbeStream<>(
                calls.stop(),
                MineHardSetRequest.newBuilder().setStart(start).build(),
                c -> MineHardSetRequest.newBuilder().setCredit(c).build(),
                o -> MineHardSetRequest.newBuilder().setOutcome(o).build(),
                window,
                answer);
        return stream.run(augmentation.mineHardSet(stream.requests()), response -> {
            if (response.hasHardSet()) {
                stream.ended(response.getHardSet());
            } else {
                stream.probed(response.getProbe());
            }
        });
    }

    @Override
    public SearchSummary searchPrefixes(
            SearchPrefixesStart start,
            int window,
            Function<Probe, CompletableFuture<ProbeOutcome>> answer,
            Consumer<FoundPrefix> found) {
        return calls.patience()
                .call(name, () -> searchOnce(start, window, answer, found))
                .get();
    }

    private Supplier<SearchSummary> searchOnce(
            SearchPrefixesStart start,
            int window,
            Function<Probe, CompletableFuture<ProbeOutcome>> answer,
            Consumer<FoundPrefix> found) {
        ProbeStream<SearchPrefixesRequest, SearchSummary> stream = new ProbeStream<>(
                calls.stop(),
                SearchPrefixesRequest.newBuilder().setStart(start).build(),
                c -> SearchPrefixesRequest.newBuilder().setCredit(c).build(),
                o -> SearchPrefixesRequest.newBuilder().setOutcome(o).build(),
                window,
                answer);
        return stream.run(augmentation.searchPrefixes(stream.requests()), response -> {
            switch (response.getMessageCase()) {
                case SUMMARY -> stream.ended(response.getSummary());
                case FOUND -> found.accept(response.getFound());
                case PROBE -> stream.probed(response.getProbe());
                case MESSAGE_NOT_SET -> stream.ended();
            }
        });
    }
}
