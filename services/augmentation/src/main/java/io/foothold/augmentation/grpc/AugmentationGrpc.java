package io.foothold.augmentation.grpc;

import io.foothold.augmentation.prompt.Templates;
import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.flow.ReadableMessages;
import io.foothold.contracts.metric.Metric;
import io.foothold.core.problem.Problem;
import io.foothold.core.random.Seeds;
import io.foothold.core.start.Mixture;
import io.foothold.core.start.StartState;
import io.foothold.v1.*;
import io.grpc.ServerServiceDefinition;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quarkus.grpc.GrpcService;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.Uni;
import jakarta.annotation.PreDestroy;
import jakarta.inject.Inject;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.jboss.logging.Logger;

/** Problem sets, start states, mining and prefix search over gRPC. */
@GrpcService
public final class AugmentationGrpc extends MutinyAugmentationServiceGrpc.AugmentationServiceImplBase {
    private static final Logger LOG = Logger.getLogger(AugmentationGrpc.class);

    private static final int FILE_THREADS = 4;
    private static final Duration FILE_DEADLINE = Duration.ofSeconds(60);

    private static final int MOST_SELECTED = 1_000_000;

    private final Selections selections = new Selections();
    private final LoadedProblems problems;
    private final FileThreads files;
    private final Timer draws;

    /** A service that reads files below these roots. */
    @Inject
    public AugmentationGrpc(Roots roots, MeterRegistry metrics) {
        this(roots, FILE_DEADLINE, metrics);
    }

    /**
     * A service with its own patience.
     *
     * @param deadline how long a call waits for a problem set; reading it goes on for the next call
     */
    public AugmentationGrpc(Roots roots, Duration deadline, MeterRegistry metrics) {
        this.problems = new LoadedProblems(roots);
        this.files = new FileThreads(FILE_THREADS, deadline);
        this.draws = Metric.DRAWS.timer(metrics);
        Metric.work(metrics, "augmentation", files.work());
    }

    @PreDestroy
    void stop() {
        files.close();
    }

    @Override
    public ServerServiceDefinition bindService() {
        return ReadableMessages.of(super.bindService());
    }

    @Override
    public Multi<LoadProblemsResponse> loadProblems(LoadProblemsRequest request) {
        return files.run("loading problems", () -> problems.of(request.getSource())
                        .values())
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .map(p -> LoadProblemsResponse.newBuilder()
                        .setProblem(ProblemMessages.proto(p))
                        .build())
                .onFailure()
                .transform(t -> FailureLog.told(LOG, "loading problems", t).toStatus());
    }

    @Override
    public Uni<DrawStartStatesResponse> drawStartStates(DrawStartStatesRequest request) {
        return files.run("drawing start states", () -> draws.record(() -> draw(request)))
                .onFailure()
                .transform(
                        t -> FailureLog.told(LOG, "drawing start states of update " + request.getUpdate(), refused(t))
                                .toStatus());
    }

    @Override
    public Uni<SelectProblemsResponse> selectProblems(Multi<SelectProblemsRequest> request) {
        AtomicInteger count = new AtomicInteger();
        return request.onItem()
                .invoke(chunk -> {
                    if (count.addAndGet(chunk.getProblemsCount()) > MOST_SELECTED) {
                        throw ProblemMessages.invalid("a selection may have " + MOST_SELECTED + " problems");
                    }
                })
                .collect()
                .asList()
                .map(chunks -> {
                    Selection selection = Selection.of(chunks);
                    selections.put(selection);
                    return SelectProblemsResponse.newBuilder()
                            .setDigest(selection.digest())
                            .build();
                })
                .onFailure()
                .transform(t -> FailureLog.told(LOG, "taking a selection of problems", t)
                        .toStatus());
    }

    private DrawStartStatesResponse draw(DrawStartStatesRequest request) {
        Map<String, Problem> set = problems.of(request.getSource());
        String expected = request.getProblemSetDigest();
        if (!expected.isEmpty() && !expected.equals(problems.digest(set))) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "the problem set is not the one that the run loaded: it was changed while the run goes on");
        }
        List<String> ids = request.getProblemIdsCount() > 0 ? request.getProblemIdsList() : List.copyOf(set.keySet());
        Map<String, Integer> prefixes = request.getPrefixesMap();
        if (!request.getSelectionDigest().isEmpty()) {
            Optional<Selection> selection = selections.get(request.getSelectionDigest());
            if (selection.isEmpty()) {
                return DrawStartStatesResponse.newBuilder()
                        .setSelectionUnknown(true)
                        .build();
            }
            ids = selection.get().problemIds();
            prefixes = selection.get().prefixes();
        }
        Templates templates = ProblemMessages.templates(request.getTemplates());
        Mixture mixture = new Mixture(
                request.getMixtureList().stream().map(ProblemMessages::part).toList(),
                switch (request.getDraw()) {
                    case MIXTURE_DRAW_INDEPENDENT -> Mixture.Draw.INDEPENDENT;
                    case MIXTURE_DRAW_STRATIFIED -> Mixture.Draw.STRATIFIED;
                    case MIXTURE_DRAW_PAIRED -> Mixture.Draw.PAIRED;
                    case MIXTURE_DRAW_UNSPECIFIED, UNRECOGNIZED ->
                        throw ProblemMessages.invalid("the mixture's draw is missing");
                });
        Seeds seed = Seeds.of(request.getSeed()).split("draw").split(request.getUpdate());
        DrawStartStatesResponse.Builder out = DrawStartStatesResponse.newBuilder();
        for (StartState start : mixture.draw(ids, prefixes, request.getGroups(), seed)) {
            int prefix = start instanceof StartState.Guided guided ? guided.prefixThoughts() : 0;
            Problem problem = ProblemMessages.problem(set, start.problemId());
            out.addStarts(ProblemMessages.start(problem, prefix, templates));
        }
        return out.build();
    }

    @Override
    public Multi<MineHardSetResponse> mineHardSet(Multi<MineHardSetRequest> request) {
        return ProbeStream.serve(request, first -> {
            if (!first.hasStart()) {
                throw ProblemMessages.invalid("a mining stream begins with its start");
            }
            return files.run("loading the problems to mine", () -> new Mining(first.getStart(), problems::of));
        });
    }

    @Override
    public Multi<SearchPrefixesResponse> searchPrefixes(Multi<SearchPrefixesRequest> request) {
        return ProbeStream.serve(request, first -> {
            if (!first.hasStart()) {
                throw ProblemMessages.invalid("a search stream begins with its start");
            }
            return files.run("loading the problems to search", () -> new Searching(first.getStart(), problems::of));
        });
    }

    /** What core refuses is the caller's mistake. */
    private static Throwable refused(Throwable t) {
        return t instanceof IllegalArgumentException ? ProblemMessages.invalid(String.valueOf(t.getMessage())) : t;
    }
}
