package io.foothold.augmentation.grpc;

import io.foothold.augmentation.problems.ProbeLoop;
import io.foothold.augmentation.prompt.Templates;
import io.foothold.core.problem.Problem;
import io.foothold.core.random.Seeds;
import io.foothold.core.search.PrefixSearch;
import io.foothold.v1.FoundPrefix;
import io.foothold.v1.Probe;
import io.foothold.v1.ProbeOutcome;
import io.foothold.v1.ProblemSource;
import io.foothold.v1.SearchPrefixesRequest;
import io.foothold.v1.SearchPrefixesResponse;
import io.foothold.v1.SearchPrefixesStart;
import io.foothold.v1.SearchSummary;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The search for the shortest prefix that makes success possible, problem by problem. */
final class Searching implements ProbeStream.Session<SearchPrefixesRequest, SearchPrefixesResponse> {
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

    private final SearchPrefixesStart start;
    private final Templates templates;
    private final ProbeLoop<String> loop;
    private long rollouts;
    private int fallbacks;

    /**
     * Begins.
     *
     * @param sets loads problems
     */
    Searching(SearchPrefixesStart start, Function<ProblemSource, Map<String, Problem>> sets) {
        if (start.getRolloutsPerCandidate() < 1 || start.getMinPasses() < 1) {
            throw ProblemMessages.invalid("prefix search needs rollouts_per_candidate and min_passes of at least 1");
        }
        this.start = start;
        this.templates = ProblemMessages.templates(start.getTemplates());
        PrefixSearch.Mode mode =
                switch (start.getMode()) {
                    case PREFIX_SEARCH_MODE_ASCENDING -> PrefixSearch.Mode.ASCENDING;
                    case PREFIX_SEARCH_MODE_BISECT -> PrefixSearch.Mode.BISECT;
                    case PREFIX_SEARCH_MODE_SUBSAMPLE -> PrefixSearch.Mode.SUBSAMPLE;
                    case PREFIX_SEARCH_MODE_UNSPECIFIED, UNRECOGNIZED ->
                        throw ProblemMessages.invalid("the search mode is missing");
                };
        PrefixSearch.Fallback fallback =
                switch (start.getFallback()) {
                    case PREFIX_FALLBACK_UNSPECIFIED, PREFIX_FALLBACK_SHORT -> PrefixSearch.Fallback.SHORT;
                    case PREFIX_FALLBACK_LONGEST -> PrefixSearch.Fallback.LONGEST;
                    case UNRECOGNIZED -> throw ProblemMessages.invalid("the fall-back of the search is not known");
                };
        Map<String, Problem> problems = sets.apply(start.getSource());
        List<String> ids = start.getProblemIdsCount() > 0 ? start.getProblemIdsList() : List.copyOf(problems.keySet());
        Seeds seed = Seeds.of(start.getSeed()).split("prefix-search");
        List<Searched> subjects = new ArrayList<>();
        for (String id : ids) {
            Problem p = ProblemMessages.problem(problems, id);
            if (p.oracleThoughts().isEmpty()) {
                throw ProblemMessages.invalid("problem " + id + " of " + p.source()
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
                            .setStart(ProblemMessages.start(problem, q.get().prefix(), templates))
                            .setRollouts(start.getRolloutsPerCandidate()))
                    .build());
        }
        return out;
    }

    @Override
    public Optional<SearchPrefixesResponse> end() {
        return loop.over()
                ? Optional.of(SearchPrefixesResponse.newBuilder()
                        .setSummary(
                                SearchSummary.newBuilder().setRollouts(rollouts).setFallbacks(fallbacks))
                        .build())
                : Optional.empty();
    }
}
