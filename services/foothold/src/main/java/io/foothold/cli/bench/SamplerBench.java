package io.foothold.cli.bench;

import com.google.common.primitives.Ints;
import io.foothold.augmentation.dial.Dial;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.FileRoots;
import io.foothold.cli.size.Inference;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.MessageLimit;
import io.foothold.contracts.flow.StreamLimits;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.core.start.StartState;
import io.foothold.orchestrator.remote.GrpcServices;
import io.foothold.orchestrator.remote.Holder;
import io.foothold.orchestrator.remote.Sampler;
import io.foothold.orchestrator.remote.Services;
import io.foothold.orchestrator.rollout.PromptedStart;
import io.foothold.orchestrator.rollout.Sampling;
import io.foothold.orchestrator.update.Artefact;
import io.foothold.orchestrator.update.ServerState;
import io.foothold.policy.GenerationEngine;
import io.foothold.policy.GenerationRequest;
import io.foothold.policy.NativeRuntime;
import io.foothold.policy.PolicyDirectory;
import io.foothold.policy.PolicyWeights;
import io.foothold.policy.Precision;
import io.grpc.ManagedChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Measures the sampler with a thousand rollouts in flight on one inference server: the rate beside the engine alone on the same
 * requests, the pauses of weight updates that are published meanwhile, and memory at a fifth of the work and at its end.
 *
 * <p>Sampler and engine take turns, one piece of the work each, and the share is the median over the pairs: what else the
 * machine does changes from minute to minute by more than the sampler costs.
 */
final class SamplerBench {
    private static final int SLOTS = 256;
    private static final int IN_FLIGHT = 1000;
    private static final int GROUP = 8;
    private static final int UPDATES = 10;
    private static final long PUBLISH_EVERY_MILLIS = 100;
    private static final int WARM_UP = 2_000;
    private static final int PAIRS = 16;
    private static final int PIECES = 8;

    private final Path home;
    private final PolicyWeights weights;
    private final Precision precision;
    private final int rollouts;
    private final Inference inference;
    private final boolean publish;

    /**
     * A bench.
     *
     * @param rollouts how many are sampled
     * @param publish whether servers that are there already get updates too; they end with other weights than they had
     */
    SamplerBench(
            Path home, PolicyWeights weights, Precision precision, int rollouts, Inference inference, boolean publish) {
        this.home = home.toAbsolutePath().normalize();
        this.weights = weights;
        this.precision = precision;
        this.rollouts = rollouts;
        this.inference = inference;
        this.publish = publish;
    }

    /** Numbers by name. */
    Map<String, Double> measure() throws Exception {
        Path policy = home.resolve("policy");
        PolicyDirectory.write(policy, weights, Dial.VOCABULARY.tokenizerJson());
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("foothold.policy-server.model", policy.toString());
        settings.put("foothold.policy-server.slots", Integer.toString(SLOTS));
        settings.put("foothold.policy-server.max-length", Integer.toString(EngineBench.PROMPT + EngineBench.MOST_NEW));
        settings.put("foothold.policy-server.precision", precision.name().toLowerCase(Locale.ROOT));
        Map<String, Double> out = new LinkedHashMap<>();
        int port = AllInOne.freePort();
        int code = AllInOne.run(home, port, FileRoots.with(inference.settings(settings), home, List.of()), runs -> {
            ManagedChannel channel =
                    MessageLimit.channel("127.0.0.1:" + port).directExecutor().build();
            try (GrpcServices services = new GrpcServices(
                    new GrpcServices.Channels(channel, channel, channel, channel, channel), StreamLimits.standard())) {
                through(services, Math.min(WARM_UP, rollouts / PIECES), () -> {});
                if (!inference.elsewhere()) {
                    beside(services, out);
                }
                double[] heap = new double[2];
                double rate = through(services, rollouts, () -> heap[0] = usedHeapMib());
                heap[1] = usedHeapMib();
                out.put("rollouts", (double) rollouts);
                out.put("rollouts_in_flight", (double) IN_FLIGHT);
                out.put("sampled_tokens_per_s", rate);
                out.put("heap_mib_after_a_fifth", heap[0]);
                out.put("heap_mib_at_the_end", heap[1]);
                if (publish || !inference.elsewhere()) {
                    out.put("updates_while_sampling", (double) UPDATES);
                    out.put("longest_pause_ms", longestPause(services) / 1e3);
                }
            } finally {
                channel.shutdownNow();
            }
            return 0;
        });
        if (code != 0) {
            throw new FootholdException(ErrorCode.INTERNAL, "the sampler bench ended with " + code);
        }
        return out;
    }

    /** Sampler and engine by turns on the same requests; each begins as often as the other. */
    private void beside(Services services, Map<String, Double> out) throws InterruptedException {
        int piece = rollouts / PIECES;
        List<EngineBench.Pair> pairs = new ArrayList<>();
        NativeRuntime.enterThread();
        try (GenerationEngine engine = engine()) {
            EngineBench.rate(engine, requests(Math.min(WARM_UP, piece)));
            for (int pair = 0; pair < PAIRS; pair++) {
                double first = pair % 2 == 0 ? EngineBench.rate(engine, requests(piece)) : 0;
                double sampled = through(services, piece, () -> {});
                pairs.add(new EngineBench.Pair(
                        sampled, pair % 2 == 0 ? first : EngineBench.rate(engine, requests(piece))));
            }
        }
        EngineBench.Pair.put(pairs, out);
    }

    /** Samples so many rollouts, a thousand at a time; tokens per second. */
    private static double through(Services services, int count, Runnable afterAFifth) throws InterruptedException {
        Semaphore room = new Semaphore(IN_FLIGHT);
        AtomicLong tokens = new AtomicLong();
        AtomicInteger failed = new AtomicInteger();
        List<CompletableFuture<Void>> all = new ArrayList<>();
        long start = System.nanoTime();
        for (int g = 0; g * GROUP < count; g++) {
            room.acquire(GROUP);
            all.add(services.sampler().sample(work(g), r -> {
                switch (r) {
                    case Sampler.Came came -> tokens.addAndGet(came.rollout().sampledTokens());
                    case Sampler.Failed no -> failed.incrementAndGet();
                }
                room.release();
            }));
            if (g == count / GROUP / 5) {
                afterAFifth.run();
            }
        }
        all.forEach(CompletableFuture::join);
        double seconds = (System.nanoTime() - start) / 1e9;
        if (failed.get() > 0) {
            throw new FootholdException(ErrorCode.INTERNAL, failed.get() + " rollouts were not sampled");
        }
        return tokens.get() / seconds;
    }

    /** Publishes weights again and again while rollouts are under way; microseconds. */
    private long longestPause(Services services) throws Exception {
        List<PolicyWeights> versions = List.of(PolicyWeights.random(weights.config(), 1, 0.02), weights);
        long before = services.sampler().servers().stream()
                .mapToLong(ServerState::policyVersion)
                .max()
                .orElse(0);
        Holder bench = Holder.of("bench", 0);
        long longest = 0;
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Future<Double> sampling = threads.submit(() -> through(services, rollouts, () -> {}));
            for (int version = 1; version <= UPDATES; version++) {
                PolicyWeights next = versions.get(version % 2);
                Path artefact = home.resolve("artefacts").resolve(next.digest() + ".safetensors");
                PolicyWeights.writeDurably(artefact, next.content());
                Thread.sleep(PUBLISH_EVERY_MILLIS);
                longest = Math.max(
                        longest,
                        services.sampler()
                                        .publish(
                                                new Artefact(
                                                        new PolicyVersion(before + version, next.digest()),
                                                        artefact.toUri().toString(),
                                                        Optional.empty(),
                                                        Optional.empty()),
                                                bench)
                                        .toNanos()
                                / 1000);
            }
            if (sampling.isDone()) {
                throw new FootholdException(
                        ErrorCode.INTERNAL, "sampling was over before the last update: ask for more --rollouts");
            }
            sampling.get();
        }
        return longest;
    }

    private static Sampler.Work work(int group) {
        List<Sampler.Reservation> reservations = new ArrayList<>();
        for (int i = 0; i < GROUP; i++) {
            reservations.add(new Sampler.Reservation("b" + group + "/" + i, seed(group, i)));
        }
        return new Sampler.Work(
                "b" + group,
                new PromptedStart(
                        new StartState.Root(""), "", Ints.asList(prompt(group)), List.of(), EngineBench.MOST_NEW, ""),
                new Sampling(
                        1, 1, 0, EngineBench.MOST_NEW, new Sampling.Thoughts("", 0, 0), List.of(), Optional.empty()),
                reservations,
                new Sampler.Wanted(new PolicyVersion(0, "any"), false),
                false);
    }

    private static int[] prompt(int group) {
        return EngineBench.prompt(new SplittableRandom(group), Dial.VOCABULARY.size());
    }

    private static long seed(int group, int member) {
        return new SplittableRandom(1L + group * GROUP + member).nextLong() >>> 1;
    }

    /** The engine without anything around it, as the server has it. */
    private GenerationEngine engine() {
        return new GenerationEngine(
                weights,
                0,
                null,
                new GenerationEngine.Settings(
                        SLOTS,
                        EngineBench.PROMPT + EngineBench.MOST_NEW,
                        EngineBench.stepsPerCall(SLOTS),
                        false,
                        precision));
    }

    private static List<GenerationRequest> requests(int count) {
        List<GenerationRequest> out = new ArrayList<>();
        for (int g = 0; g * GROUP < count; g++) {
            for (int i = 0; i < GROUP; i++) {
                out.add(GenerationRequest.plain("b" + g + "/" + i, prompt(g), EngineBench.MOST_NEW, seed(g, i)));
            }
        }
        return out;
    }

    private static double usedHeapMib() {
        System.gc();
        Runtime runtime = Runtime.getRuntime();
        return (runtime.totalMemory() - runtime.freeMemory()) / 1024.0 / 1024;
    }
}
