package io.foothold.augmentation.grpc;

import io.foothold.augmentation.problems.ProbeLoop;
import io.foothold.augmentation.problems.ProblemSets;
import io.foothold.augmentation.prompt.Templates;
import io.foothold.contracts.draw.ProblemSetDigest;
import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.files.Roots;
import io.foothold.contracts.flow.ReadableMessages;
import io.foothold.contracts.metric.Metric;
import io.foothold.core.problem.Problem;
import io.foothold.core.random.Seeds;
import io.foothold.core.search.PrefixSearch;
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
import java.util.ArrayList;
import java.util.IdentityHashMap;
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
    private static final int SETS_REMEMBERED = 32;

    private final ProblemSets sets = new ProblemSets();
    private final Selections selections = new Selections();
    private final Map<Map<String, Problem>, String> digests = new IdentityHashMap<>();
    private final Roots roots;
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
        this.roots = roots;
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
        return files.run("loading problems", () -> problems(request.getSource()).values())
                .onItem()
                .transformToMulti(Multi.createFrom()::iterable)
                .map(p -> LoadProblemsResponse.newBuilder().setProblem(proto(p)).build())
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
                        throw invalid("a selection may have " + MOST_SELECTED + " problems");
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
        Map<String, Problem> problems = problems(request.getSource());
        String expected = request.getProblemSetDigest();
        if (!expected.isEmpty() && !expected.equals(digest(problems))) {
            throw new FootholdException(
                    ErrorCode.CONFLICT,
                    "the problem set is not the one that the run loaded: it was changed while the run goes on");
        }
        List<String> ids =
                request.getProblemIdsCount() > 0 ? request.getProblemIdsList() : List.copyOf(problems.keySet());
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
        Templates templates = templates(request.getTemplates());
        Mixture mixture = new Mixture(
                request.getMixtureList().stream().map(AugmentationGrpc::part).toList(),
                switch (request.getDraw()) {
                    case MIXTURE_DRAW_INDEPENDENT -> Mixture.Draw.INDEPENDENT;
                    case MIXTURE_DRAW_STRATIFIED -> Mixture.Draw.STRATIFIED;
                    case MIXTURE_DRAW_PAIRED -> Mixture.Draw.PAIRED;
                    case MIXTURE_DRAW_UNSPECIFIED, UNRECOGNIZED -> throw invalid("the mixture's draw is missing");
                });
        Seeds seed = Seeds.of(request.getSeed()).split("draw").split(request.getUpdate());
        DrawStartStatesResponse.Builder out = DrawStartStatesResponse.newBuilder();
        for (StartState start : mixture.draw(ids, prefixes, request.getGroups(), seed)) {
            int prefix = start instanceof StartState.Guided guided ? guided.prefixThoughts() : 0;
            out.addStarts(start(problem(problems, start.problemId()), prefix, templates));
        }
        return out.build();
    }

    /** The digest of a loaded set; computed once for each. */
    private String digest(Map<String, Problem> problems) {
        synchronized (digests) {
            if (digests.size() > SETS_REMEMBERED) {
                digests.clear();
            }
            return digests.computeIfAbsent(
                    problems,
                    set -> ProblemSetDigest.of(() ->
                            set.values().stream().map(AugmentationGrpc::proto).iterator()));
        }
    }

    private static Mixture.Part part(MixturePart part) {
        return new Mixture.Part(part.hasGuided() ? Mixture.Kind.GUIDED : Mixture.Kind.ROOT, part.getShare());
    }

    @Override
    public Multi<MineHardSetResponse> mineHardSet(Multi<MineHardSetRequest> request) {
        return ProbeStream.serve(request, first -> {
            if (!first.hasStart()) {
                throw invalid("a mining stream begins with its start");
            }
            return files.run("loading the problems to mine", () -> new Mining(first.getStart()));
        });
    }

    @Override
    public Multi<SearchPrefixesResponse> searchPrefixes(Multi<SearchPrefixesRequest> request) {
        return ProbeStream.serve(request, first -> {
            if (!first.hasStart()) {
                throw invalid("a search stream begins with its start");
            }
            return files.run("loading the problems to search", () -> new Searching(first.getStart()));
        });
    }

    /** A problem that is sampled from its root, and once more when the first samples leave it hard. */
    private static final class Mined implements ProbeLoop.Subject<String> {
        private final Problem problem;
        private final int maxPasses;
        private final boolean twice;
        private int passes;
        private int looks;

        Mined(Problem problem, int maxPasses, boolean twice) {
            this.problem = problem;
            this.maxPasses = maxPasses;
            this.twice = twice;
        }

        @Override
        public String id() {
            return problem.id();
        }

        @Override
        public Optional<Integer> next() {
            return looks == 0 || (looks == 1 && twice && hard()) ? Optional.of(0) : Optional.empty();
        }

        @Override
        public void record(int prefix, int passed, int judged) {
            if (judged > 0) {
                passes += passed;
                looks++;
            }
        }

        boolean hard() {
            return passes <= maxPasses;
        }
    }

    private final class Mining implements ProbeStream.Session<MineHardSetRequest, MineHardSetResponse> {
        private final MineHardSetStart start;
        private final Templates templates;
        private final List<Mined> subjects;
        private final ProbeLoop<String> loop;
        private long rollouts;

        Mining(MineHardSetStart start) {
            if (start.getSamples() < 1) {
                throw invalid("mining needs at least 1 sample a problem, got " + start.getSamples());
            }
            if (start.getSecondSamples() < 0) {
                throw invalid("a second look needs at least 0 samples, got " + start.getSecondSamples());
            }
            this.start = start;
            this.templates = templates(start.getTemplates());
            this.subjects = problems(start.getSource()).values().stream()
                    .map(p -> new Mined(p, start.getMaxPasses(), start.getSecondSamples() > 0))
                    .toList();
            this.loop = new ProbeLoop<>(subjects);
        }

        @Override
        public List<MineHardSetResponse> take(MineHardSetRequest request) {
            if (request.hasCredit()) {
                loop.grant(request.getCredit().getItems());
            } else if (request.hasOutcome()) {
                ProbeOutcome o = request.getOutcome();
                rollouts += o.getJudged();
                loop.answer(o.getProbeId(), o.getPasses(), o.getJudged());
            }
            List<MineHardSetResponse> out = new ArrayList<>();
            for (var q = loop.poll(); q.isPresent(); q = loop.poll()) {
                Mined mined = (Mined) q.get().subject();
                out.add(MineHardSetResponse.newBuilder()
                        .setProbe(Probe.newBuilder()
                                .setProbeId(q.get().probeId())
                                .setStart(AugmentationGrpc.start(mined.problem, 0, templates))
                                .setEarlierLooks(mined.looks)
                                .setRollouts(mined.looks == 0 ? start.getSamples() : start.getSecondSamples()))
                        .build());
            }
            return out;
        }

        @Override
        public Optional<MineHardSetResponse> end() {
            if (!loop.over()) {
                return Optional.empty();
            }
            HardSet.Builder set = HardSet.newBuilder()
                    .setTried(subjects.size())
                    .setRollouts(rollouts)
                    .setLookedAtTwice(
                            (int) subjects.stream().filter(s -> s.looks > 1).count());
            subjects.stream().filter(Mined::hard).forEach(s -> set.addProblemIds(s.id()));
            return Optional.of(MineHardSetResponse.newBuilder().setHardSet(set).build());
        }
    }

    /** A problem whose prefix is searched. */
    private static final class Searched implements ProbeLoop.Subject<String> {
        private final Problem problem;
        private final PrefixSearch search;

        Searched(Problem problem, PrefixSearch search) {
            this.problem = problem;
            this.search = search;
        }

        @Override
        public String id() {
            return problem.id();
        }

        @Override
        public Optional<Integer> next() {
            var next = search.next();
            return next.isPresent() ? Optional.of(next.getAsInt()) : Optional.empty();
        }

        @Override
        public void record(int prefix, int passes, int judged) {
            if (judged > 0) {
                search.record(prefix, passes);
            }
        }
    }

    private final class Searching implements ProbeStream.Session<SearchPrefixesRequest, SearchPrefixesResponse> {
        private final SearchPrefixesStart start;
        private final Templates templates;
        private final ProbeLoop<String> loop;
        private long rollouts;
        private int fallbacks;

        Searching(SearchPrefixesStart start) {
            if (start.getRolloutsPerCandidate() < 1 || start.getMinPasses() < 1) {
                throw invalid("prefix search needs rollouts_per_candidate and min_passes of at least 1");
            }
            this.start = start;
            this.templates = templates(start.getTemplates());
            PrefixSearch.Mode mode =
                    switch (start.getMode()) {
                        case PREFIX_SEARCH_MODE_ASCENDING -> PrefixSearch.Mode.ASCENDING;
                        case PREFIX_SEARCH_MODE_BISECT -> PrefixSearch.Mode.BISECT;
                        case PREFIX_SEARCH_MODE_SUBSAMPLE -> PrefixSearch.Mode.SUBSAMPLE;
                        case PREFIX_SEARCH_MODE_UNSPECIFIED, UNRECOGNIZED ->
                            throw invalid("the search mode is missing");
                    };
            PrefixSearch.Fallback fallback =
                    switch (start.getFallback()) {
                        case PREFIX_FALLBACK_UNSPECIFIED, PREFIX_FALLBACK_SHORT -> PrefixSearch.Fallback.SHORT;
                        case PREFIX_FALLBACK_LONGEST -> PrefixSearch.Fallback.LONGEST;
                        case UNRECOGNIZED -> throw invalid("the fall-back of the search is not known");
                    };
            Map<String, Problem> problems = problems(start.getSource());
            List<String> ids =
                    start.getProblemIdsCount() > 0 ? start.getProblemIdsList() : List.copyOf(problems.keySet());
            Seeds seed = Seeds.of(start.getSeed()).split("prefix-search");
            List<Searched> subjects = new ArrayList<>();
            for (String id : ids) {
                Problem p = problem(problems, id);
                if (p.oracleThoughts().isEmpty()) {
                    throw invalid("problem " + id + " of " + p.source()
                            + " has no oracle solution; prefix search needs one for every problem");
                }
                subjects.add(new Searched(
                        p,
                        new PrefixSearch(
                                mode,
                                p.oracleThoughts().size(),
                                p.longestPrefix(),
                                start.getMinPasses(),
                                fallback,
                                seed.split(id))));
            }
            this.loop = new ProbeLoop<>(subjects);
        }

        @Override
        public List<SearchPrefixesResponse> take(SearchPrefixesRequest request) {
            List<SearchPrefixesResponse> out = new ArrayList<>();
            if (request.hasCredit()) {
                loop.grant(request.getCredit().getItems());
            } else if (request.hasOutcome()) {
                ProbeOutcome o = request.getOutcome();
                rollouts += o.getJudged();
                loop.answer(o.getProbeId(), o.getPasses(), o.getJudged()).ifPresent(subject -> {
                    PrefixSearch.Result result = ((Searched) subject).search.result();
                    fallbacks += result.fallback() ? 1 : 0;
                    out.add(SearchPrefixesResponse.newBuilder()
                            .setFound(FoundPrefix.newBuilder()
                                    .setProblemId(subject.id())
                                    .setPrefixThoughts(result.prefixThoughts())
                                    .setFallback(result.fallback()))
                            .build());
                });
            }
            for (var q = loop.poll(); q.isPresent(); q = loop.poll()) {
                Problem problem = ((Searched) q.get().subject()).problem;
                out.add(SearchPrefixesResponse.newBuilder()
                        .setProbe(Probe.newBuilder()
                                .setProbeId(q.get().probeId())
                                .setStart(
                                        AugmentationGrpc.start(problem, q.get().prefix(), templates))
                                .setRollouts(start.getRolloutsPerCandidate()))
                        .build());
            }
            return out;
        }

        @Override
        public Optional<SearchPrefixesResponse> end() {
            return loop.over()
                    ? Optional.of(SearchPrefixesResponse.newBuilder()
                            .setSummary(SearchSummary.newBuilder()
                                    .setRollouts(rollouts)
                                    .setFallbacks(fallbacks))
                            .build())
                    : Optional.empty();
        }
    }

    private Map<String, Problem> problems(ProblemSource source) {
        return sets.load(
                switch (source.getSourceCase()) {
                    case GENERATED -> {
                        GeneratedFamily g = source.getGenerated();
                        yield new ProblemSets.Source.Generated(
                                g.getFamily(), g.getLevel(), g.getCount(), g.getSeed(), g.getSplit());
                    }
                    case JSONL_PATH ->
                        new ProblemSets.Source.Jsonl(
                                roots.regularFile("problem file", source.getJsonlPath()),
                                source.getSegmenter().isEmpty() ? "line" : source.getSegmenter(),
                                source.getThoughtDelimiter());
                    case SOURCE_NOT_SET -> throw invalid("the problem source is missing (generated or jsonl)");
                });
    }

    private static Problem problem(Map<String, Problem> problems, String id) {
        Problem p = problems.get(id);
        if (p == null) {
            throw invalid("the problem set has no problem '" + id + "'");
        }
        return p;
    }

    private static Templates templates(PromptTemplates t) {
        return new Templates(t.getRoot(), t.getGuided());
    }

    private static io.foothold.v1.StartState start(Problem problem, int prefix, Templates templates) {
        io.foothold.v1.StartState.Builder out = io.foothold.v1.StartState.newBuilder()
                .setProblemId(problem.id())
                .setPrompt(templates.prompt(problem, prefix))
                .setMaxTokens(problem.maxTokens());
        if (prefix == 0) {
            out.setRoot(Root.getDefaultInstance());
        } else {
            out.setGuided(Guided.newBuilder().setPrefixThoughts(prefix));
        }
        return out.build();
    }

    /** A problem as it goes over the wire. */
    public static io.foothold.v1.Problem proto(Problem p) {
        return io.foothold.v1.Problem.newBuilder()
                .setId(p.id())
                .setStatement(p.statement())
                .setKind(ProblemKind.valueOf("PROBLEM_KIND_" + p.kind().name()))
                .setAnswer(p.answer())
                .addAllOracleThoughts(p.oracleThoughts())
                .setSource(p.source())
                .setSplit(p.split())
                .setMaxTokens(p.maxTokens())
                .build();
    }

    private static FootholdException invalid(String message) {
        return new FootholdException(ErrorCode.INVALID_INPUT, message);
    }

    /** What core refuses is the caller's mistake. */
    private static Throwable refused(Throwable t) {
        return t instanceof IllegalArgumentException ? invalid(String.valueOf(t.getMessage())) : t;
    }
}
