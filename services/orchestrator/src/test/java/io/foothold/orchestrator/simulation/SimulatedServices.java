package io.foothold.orchestrator.simulation;

import io.foothold.contracts.draw.Selection;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.CreditedStream;
import io.foothold.contracts.flow.StreamCaller;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.random.Seeds;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.core.settings.RunSettings;
import io.foothold.core.start.Mixture;
import io.foothold.core.stats.SetStatistics;
import io.foothold.core.verdict.Verdict;
import io.foothold.orchestrator.remote.Augmentation;
import io.foothold.orchestrator.remote.Holder;
import io.foothold.orchestrator.remote.Learner;
import io.foothold.orchestrator.remote.Localizer;
import io.foothold.orchestrator.remote.Patience;
import io.foothold.orchestrator.remote.PeerAddress;
import io.foothold.orchestrator.remote.Sampler;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.remote.StopSignal;
import io.foothold.orchestrator.remote.Verifier;
import io.foothold.orchestrator.remote.Waits;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.rollout.TrainGroup;
import io.foothold.orchestrator.simulation.SimulatedNode.Down;
import io.foothold.orchestrator.simulation.SimulatedNode.Up;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.Manifest;
import io.foothold.orchestrator.update.Opened;
import io.foothold.orchestrator.update.ServerState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/** The services as one process of the orchestrator reaches them: the calling sides that gRPC has in production, over the simulated network. */
final class SimulatedServices {
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    /** Thoughts of every prefix that a search finds. */
    private static final int FOUND = 2;

    private static final Duration LONGEST_VERDICT = Duration.ofMillis(100);

    private final Cluster cluster;
    private final CreditedStream<Up<Sampler.Work>, Down<Sampler.Answer>> sampling;
    private final CreditedStream<Up<Verifier.Work>, Down<Verdict>> verification;
    private final CreditedStream<Up<Localizer.Work>, Down<Localizer.Answer>> localization;
    private final CreditedStream<Up<SimulatedLearner.Group>, Down<SimulatedLearner.Outcome>> training;

    /** The services that there are. */
    record Cluster(
            SimulatedNode augmentation,
            SimulatedSampler sampler,
            SimulatedNode verifier,
            SimulatedNode localizer,
            SimulatedLearner learner) {
        List<SimulatedNode> nodes() {
            return List.of(augmentation, sampler, verifier, localizer, learner);
        }
    }

    SimulatedServices(Cluster cluster, SimulatedProcess process) {
        this.cluster = cluster;
        this.sampling = cluster.sampler().stream(process, (work, keys, results) -> {
            SimulatedSampler.Work own = Words.work(work);
            cluster.sampler()
                    .sample(
                            own,
                            keys,
                            results,
                            (asked, sampled) -> new Sampler.Came(Words.rollout(own, asked, sampled)),
                            (asked, why) -> new Sampler.Failed(asked.id(), why));
        });
        this.verification = answering(cluster.verifier(), process, Verifier.Work::rolloutId, this::verdict);
        this.localization =
                answering(cluster.localizer(), process, work -> work.rollout().id(), Words::localized);
        this.training = cluster.learner().stream(
                process, (group, keys, results) -> cluster.learner().train(group, results));
    }

    private static <Q, R> CreditedStream<Up<Q>, Down<R>> answering(
            SimulatedNode node, SimulatedProcess process, Function<Q, String> key, Function<Q, R> answer) {
        return node.stream(
                process,
                (work, keys, results) -> node.after(node.weather.upTo(LONGEST_VERDICT), () -> {
                    results.emit(new Down<>(0, key.apply(work), answer.apply(work)));
                    results.done();
                }));
    }

    private Verdict verdict(Verifier.Work work) {
        Weather weather = cluster.verifier().weather;
        if (!work.goldOnly() && weather.strikes(300)) {
            weather.meet("no verdict");
            weather.otherCourse = true;
            return Verdict.verifierError("by chance");
        }
        return work.goldOnly() || work.response().endsWith("r") ? Verdict.pass("r", "ends") : Verdict.fail("", "ends");
    }

    /** As one run sees them. */
    Services until(StopSignal stop, Waits waits) {
        return new Seen(stop, waits);
    }

    private final class Seen implements Services, Augmentation, Sampler, Verifier, Localizer, Learner {
        private final StopSignal stop;
        private final Waits waits;
        private final Patience patience;

        Seen(StopSignal stop, Waits waits) {
            this.stop = stop;
            this.waits = waits;
            this.patience = new Patience(PATIENCE, stop, waits);
        }

        private <T> T call(SimulatedNode node, Supplier<CompletableFuture<T>> service) {
            return patience.call(node.name, () -> await(stop.guard(node.call(service))));
        }

        private static <T> T await(CompletableFuture<T> future) {
            try {
                return future.get();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
            } catch (ExecutionException | RuntimeException e) {
                throw FootholdException.of(e);
            }
        }

        private StreamCaller caller(Runnable whether) {
            return new StreamCaller() {
                @Override
                public void check() {
                    whether.run();
                }

                @Override
                public void lost(String service, String reason) {}

                @Override
                public void found(String service, Duration after) {}
            };
        }

        private <Q, R> CompletableFuture<Map<String, Down<R>>> ask(
                CreditedStream<Up<Q>, Down<R>> stream, Q work, List<String> keys, Consumer<Down<R>> onEach) {
            stop.check();
            var answer = stream.submit(new Up<>(0, work, keys), keys, onEach, caller(stop::check));
            var guarded = stop.guard(answer);
            var unused = guarded.whenComplete((results, failure) -> {
                if (failure != null) {
                    cluster.sampler().weather.otherCourse |=
                            FootholdException.of(failure).code() == ErrorCode.DEADLINE;
                    answer.cancel(false);
                }
            });
            return guarded;
        }

        private static <R> R only(Map<String, Down<R>> results) {
            return Objects.requireNonNull(results.values().iterator().next().result());
        }

        @Override
        public Augmentation augmentation() {
            return this;
        }

        @Override
        public Sampler sampler() {
            return this;
        }

        @Override
        public Verifier verifier() {
            return this;
        }

        @Override
        public Localizer localizer() {
            return this;
        }

        @Override
        public Learner learner() {
            return this;
        }

        @Override
        public Patience patience() {
            return patience;
        }

        @Override
        public void pause(Duration time) {
            stop.sleep(time);
        }

        @Override
        public void checkStopped() {
            stop.check();
        }

        @Override
        public Services until(StopSignal signal, Waits told) {
            return new Seen(signal, told);
        }

        @Override
        public List<Problem> problems(Source source) {
            ProblemSettings.Source set = source.set();
            return call(
                    cluster.augmentation(),
                    () -> CompletableFuture.completedFuture(IntStream.range(0, set.count())
                            .mapToObj(i -> new Problem(
                                    set.split() + i,
                                    "statement " + i,
                                    ProblemKind.MATH,
                                    "r",
                                    List.of("a", "b", "c", "d"),
                                    "",
                                    set.split(),
                                    0))
                            .toList()));
        }

        @Override
        public List<PromptedStart> draw(Draw draw, Selection selection) {
            List<String> ids = selection.problemIds();
            Seeds seeds = Seeds.of(draw.seed()).split(draw.update());
            if (!selection.prefixes().isEmpty()) {
                Mixture halves = new Mixture(
                        List.of(new Mixture.Part(Mixture.Kind.ROOT, 1), new Mixture.Part(Mixture.Kind.GUIDED, 1)),
                        Mixture.Draw.STRATIFIED);
                return call(
                        cluster.augmentation(),
                        () -> CompletableFuture.completedFuture(
                                halves.draw(ids, selection.prefixes(), draw.groups(), seeds).stream()
                                        .map(Words::start)
                                        .toList()));
            }
            return call(
                    cluster.augmentation(),
                    () -> CompletableFuture.completedFuture(IntStream.range(0, draw.groups())
                            .mapToObj(i -> ids.get((int) (seeds.split(i).nonNegative() % ids.size())))
                            .map(Words::root)
                            .toList()));
        }

        @Override
        public HardSet mine(Mining mining, int window, Function<Probe, CompletableFuture<SetStatistics.Count>> answer) {
            throw new UnsupportedOperationException("no run of the simulation mines");
        }

        @Override
        public Searched searchPrefixes(
                Search search,
                int window,
                Function<Probe, CompletableFuture<SetStatistics.Count>> answer,
                Consumer<FoundPrefix> found) {
            return call(cluster.augmentation(), () -> {
                search.problemIds().forEach(id -> found.accept(new FoundPrefix(id, FOUND, false)));
                return CompletableFuture.completedFuture(new Searched(0, 0));
            });
        }

        @Override
        public CompletableFuture<Void> sample(Sampler.Work work, Consumer<Sampler.Answer> onEach) {
            return ask(sampling, work, Words.keys(work), down -> onEach.accept(Objects.requireNonNull(down.result())))
                    .thenApply(results -> null);
        }

        @Override
        public Duration publish(Artefact artefact, Holder publisher) {
            return call(cluster.sampler(), () -> cluster.sampler().publish(artefact, publisher));
        }

        @Override
        public void publishedStill(Artefact artefact, Holder publisher) {
            var unused = await(cluster.sampler().call(() -> cluster.sampler().publish(artefact, publisher)));
        }

        @Override
        public void release(Holder publisher) {
            var unused = await(cluster.sampler().call(() -> {
                cluster.sampler().release(publisher);
                return CompletableFuture.completedFuture(true);
            }));
        }

        @Override
        public void preparePrompts(List<String> prompts, Sampling settings) {
            var unused = await(cluster.sampler().call(() -> CompletableFuture.completedFuture(true)));
        }

        @Override
        public List<Integer> countTokens(List<String> prompts, Sampling settings) {
            throw new UnsupportedOperationException("the simulated servers do not say how much they take");
        }

        @Override
        public List<List<Integer>> tokens(List<String> prompts, Sampling settings) {
            throw new UnsupportedOperationException("no run of the simulation scores solutions");
        }

        @Override
        public List<ServerState> servers() {
            return call(
                    cluster.sampler(),
                    () -> CompletableFuture.completedFuture(
                            List.of(server(cluster.sampler().policy()))));
        }

        private static ServerState server(PolicyVersion policy) {
            return new ServerState(
                    "server",
                    true,
                    policy.number(),
                    policy.digest(),
                    0,
                    "",
                    false,
                    new ServerState.Engine("simulated", "", ""));
        }

        @Override
        public PeerAddress named(String key, String address) {
            return PeerAddress.parse(key, address);
        }

        @Override
        public CompletableFuture<Verdict> verify(Verifier.Work work, String verifier) {
            return ask(verification, work, List.of(work.rolloutId()), down -> {})
                    .handle((results, failure) -> {
                        if (failure == null) {
                            return only(results);
                        }
                        FootholdException own = FootholdException.of(failure);
                        if (own.code() == ErrorCode.DEADLINE) {
                            return Verdict.timeout(own.text());
                        }
                        throw own;
                    });
        }

        @Override
        public CompletableFuture<Localizer.Answer> localize(Localizer.Work work) {
            return ask(localization, work, List.of(work.rollout().id()), down -> {})
                    .thenApply(Seen::only);
        }

        @Override
        public Opened openRun(String runId, RunSettings settings, Holder holder, List<Solution> imitated) {
            if (!imitated.isEmpty()) {
                throw new IllegalArgumentException("the simulated learner does not fine-tune");
            }
            return call(cluster.learner(), () -> cluster.learner().open(holder));
        }

        @Override
        public void keepRun(Holder holder) {
            var unused = await(cluster.learner().call(() -> {
                cluster.learner().keep(holder);
                return CompletableFuture.completedFuture(true);
            }));
        }

        @Override
        public void closeRun(Holder holder) {
            var unused = await(cluster.learner().call(() -> cluster.learner().close(holder)));
        }

        @Override
        public Manifest train(List<TrainGroup> groups) {
            List<CompletableFuture<Map<String, Down<SimulatedLearner.Outcome>>>> futures = new ArrayList<>();
            StreamCaller updates = caller(() -> stop.checkUpdate(training::away));
            try {
                for (TrainGroup group : groups) {
                    SimulatedLearner.Group own = Words.group(group);
                    List<String> keys = List.of(own.key());
                    futures.add(training.submit(new Up<>(0, own, keys), keys, down -> {}, updates));
                }
            } catch (FootholdException e) {
                futures.forEach(f -> f.cancel(false));
                throw e;
            }
            var all = CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new));
            var unused = stop.awaitUpdate(all.handle((nothing, failure) -> true), training::away);
            Manifest manifest = null;
            for (var future : futures) {
                SimulatedLearner.Outcome outcome = only(await(future));
                FootholdException failure = outcome.failure();
                if (failure != null) {
                    throw failure;
                }
                manifest = outcome.manifest() == null ? manifest : outcome.manifest();
            }
            if (manifest == null) {
                throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the learner gave no manifest");
            }
            return manifest;
        }

        @Override
        public void checkpoint(String runId) {
            var unused = await(cluster.learner().call(() -> cluster.learner().checkpoint()));
        }

        @Override
        public void checkpoint(String runId, String label, long update) {
            var unused = await(cluster.learner().call(() -> cluster.learner().checkpoint(label)));
        }

        @Override
        public void awaitStored(String runId, String digest) {
            throw new UnsupportedOperationException("artefacts of the simulation are files");
        }

        @Override
        public Scores score(String runId, long policyVersion, List<Solution> solutions) {
            throw new UnsupportedOperationException("no run of the simulation scores solutions");
        }
    }
}
