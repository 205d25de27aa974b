package io.foothold.sampler.rollout;

import static io.foothold.contracts.triton.PolicyTensors.*;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.log.LogIds;
import io.foothold.contracts.trace.Trace;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.inference.ModelInferRequest;
import io.foothold.sampler.triton.EndpointWatch;
import io.foothold.sampler.triton.Servers;
import io.foothold.sampler.triton.TritonEndpoint;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/**
 * Samples groups: one stream a group at the healthy endpoint with the least work, a rollout that did not come asked for again
 * with the same seed, at another endpoint if there is one. A rollout is emitted once or failed once, never both. Each group
 * runs on a virtual thread of its own. Thread-safe.
 */
public final class RolloutSampler implements AutoCloseable {
    private static final Logger LOG = Logger.getLogger(RolloutSampler.class);

    private static final int MOST_CACHED_PROMPTS = 50_000;
    private static final Duration POLL = Duration.ofMillis(50);

    /**
     * Limits.
     *
     * @param deadline time one attempt at a group may take
     * @param attempts times a rollout is asked for
     * @param backoff pause before the second attempt; doubles
     * @param probeEvery time between two probes of each server
     * @param patience longest wait for a server to come back while all are away
     */
    public record Limits(Duration deadline, int attempts, Duration backoff, Duration probeEvery, Duration patience) {}

    /** Where results go; called by one thread at a time. */
    public interface Sink {
        /** A finished rollout. */
        void sampled(SampledRollout rollout);

        /** A rollout that will not come. */
        void failed(String rolloutId, FootholdException failure);

        /** Every rollout of the group was sampled or failed. */
        void done();
    }

    private final Servers servers;
    private final EndpointWatch watch;
    private final Limits limits;
    private final ExecutorService threads = Trace.carrying(Executors.newVirtualThreadPerTaskExecutor());
    private final Map<TritonEndpoint.Prompt, int[]> prompts = new ConcurrentHashMap<>();
    private final Set<String> delimiters = ConcurrentHashMap.newKeySet();
    private volatile boolean draining;

    /** A sampler over these servers; closes them with itself. */
    public RolloutSampler(Servers servers, Limits limits) {
        if (servers.now().isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "no inference server: set foothold.sampler.endpoints to host:port,…");
        }
        this.servers = servers;
        this.watch = new EndpointWatch(servers, limits.probeEvery(), limits.patience());
        this.limits = limits;
    }

    /** Who publishes to them and knows which are well. */
    public EndpointWatch watch() {
        return watch;
    }

    /** The inference servers that are there. */
    public List<TritonEndpoint> endpoints() {
        return servers.now();
    }

    /** Starts a group that no trace follows; the returned action gives it up. */
    public Runnable sample(GroupWork work, Sink sink) {
        return sample(work, "", sink);
    }

    /**
     * Starts a group; the returned action gives it up.
     *
     * @param trace the trace that it belongs to, see {@link Trace}; empty where nothing is traced
     */
    public Runnable sample(GroupWork work, String trace, Sink sink) {
        if (draining) {
            throw new FootholdException(ErrorCode.DRAINING, "the sampler is shutting down");
        }
        if (work.settings().thoughtwise()) {
            Chains chains = new Chains(work, sink);
            threads.execute(() -> of(work, trace, chains::run));
            return chains::cancel;
        }
        Group group = new Group(work, sink);
        threads.execute(() -> of(work, trace, group::run));
        return group::cancel;
    }

    private static void of(GroupWork work, String trace, Runnable sampling) {
        try (LogIds ids = LogIds.ofGroup(work.groupId());
                Trace.Part part = Trace.follow("sample", trace)
                        .with("group", work.groupId())
                        .with("rollouts", work.reservations().size())) {
            part.during(() -> {
                sampling.run();
                return true;
            });
        }
    }

    /** The rollouts of a group, each thought by thought on a thread of its own; one that fails leaves its neighbours alone. */
    private final class Chains {
        private final GroupWork work;
        private final Sink sink;
        private final Set<Group> running = ConcurrentHashMap.newKeySet();
        private final AtomicBoolean cancelled = new AtomicBoolean();

        Chains(GroupWork work, Sink sink) {
            this.work = work;
            this.sink = sink;
        }

        void cancel() {
            cancelled.set(true);
            running.forEach(Group::cancel);
        }

        void run() {
            List<CompletableFuture<Void>> chains = work.reservations().stream()
                    .map(r -> CompletableFuture.runAsync(() -> chain(r), threads))
                    .toList();
            chains.forEach(CompletableFuture::join);
            if (!cancelled.get()) {
                sink.done();
            }
        }

        private void chain(GroupWork.Reservation reservation) {
            try {
                int[] prompt = promptTokens(work);
                byte[][] vocabulary = vocabulary(choose(), work);
                SampledRollout rollout = new Thoughtwise(work, reservation, prompt, vocabulary).sample(this::thought);
                tell(() -> sink.sampled(rollout));
            } catch (Throwable t) {
                // Whatever it is: somebody waits for the rollout.
                tell(() -> sink.failed(reservation.rolloutId(), FootholdException.of(t)));
            }
        }

        private synchronized void tell(Runnable what) {
            if (!cancelled.get()) {
                what.run();
            }
        }

        /** Samples one thought, asked for again like any rollout. */
        private SampledRollout thought(GroupWork single) {
            CompletableFuture<SampledRollout> answer = new CompletableFuture<>();
            Group group = new Group(single, new Sink() {
                @Override
                public void sampled(SampledRollout rollout) {
                    answer.complete(rollout);
                }

                @Override
                public void failed(String rolloutId, FootholdException failure) {
                    answer.completeExceptionally(failure);
                }

                @Override
                public void done() {}
            });
            running.add(group);
            try {
                if (cancelled.get()) {
                    group.cancel();
                }
                group.run();
                answer.completeExceptionally(new FootholdException(ErrorCode.CANCELLED, "the caller went away"));
                return answer.join();
            } finally {
                running.remove(group);
            }
        }
    }

    /**
     * Encodes prompts that will be sampled soon; groups with one of them find its token ids here. Blocks its caller.
     *
     * @param chat see {@link TritonEndpoint.Prompt}
     * @return the tokens of each
     * @throws FootholdException when the inference server does not encode them
     */
    public List<int[]> prepare(List<String> texts, String chat) {
        List<CompletableFuture<int[]>> encoding = texts.stream()
                .map(text -> CompletableFuture.supplyAsync(
                        () -> promptTokens(new TritonEndpoint.Prompt(text, chat)), threads))
                .toList();
        try {
            return encoding.stream().map(CompletableFuture::join).toList();
        } catch (CompletionException e) {
            throw FootholdException.of(e);
        }
    }

    private int[] promptTokens(GroupWork work) {
        return work.promptTokens().length > 0
                ? work.promptTokens()
                : promptTokens(
                        new TritonEndpoint.Prompt(work.prompt(), work.settings().chat()));
    }

    private int[] promptTokens(TritonEndpoint.Prompt prompt) {
        int[] known = prompts.get(prompt);
        if (known == null) {
            known = choose().tokenize(prompt, limits.deadline());
            if (prompts.size() >= MOST_CACHED_PROMPTS) {
                prompts.clear();
            }
            prompts.put(prompt, known);
        }
        return known;
    }

    /** The vocabulary, which must be able to spell the thought delimiter. */
    private byte[][] vocabulary(TritonEndpoint endpoint, GroupWork work) {
        byte[][] vocabulary = endpoint.vocabulary(limits.deadline());
        String delimiter = work.settings().thoughtDelimiter();
        if (!delimiter.isEmpty() && !delimiters.contains(delimiter)) {
            if (!Thoughts.representable(vocabulary, delimiter)) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "no tokens of the policy spell the thought delimiter '" + delimiter.replace("\n", "\\n") + "'");
            }
            delimiters.add(delimiter);
        }
        return vocabulary;
    }

    /** The healthy endpoint with the least work; when none is healthy, the one with the least work is tried again. */
    private TritonEndpoint choose() {
        return servers.now().stream()
                .min(Comparator.comparing((TritonEndpoint e) -> !e.healthy())
                        .thenComparing(TritonEndpoint::outstanding))
                .orElseThrow();
    }

    private final class Group {
        private final GroupWork work;
        private final Sink sink;
        private final AtomicBoolean cancelled = new AtomicBoolean();
        private volatile TritonEndpoint.@Nullable Call call;

        Group(GroupWork work, Sink sink) {
            this.work = work;
            this.sink = sink;
        }

        void cancel() {
            cancelled.set(true);
            TritonEndpoint.Call running = call;
            if (running != null) {
                running.cancel();
            }
        }

        void run() {
            Map<String, GroupWork.Reservation> missing = new LinkedHashMap<>();
            work.reservations().forEach(r -> missing.put(r.rolloutId(), r));
            FootholdException last = new FootholdException(ErrorCode.INTERNAL, "no attempt was made");
            Duration pause = limits.backoff();
            for (int attempt = 1; attempt <= limits.attempts() && !missing.isEmpty() && !cancelled.get(); attempt++) {
                if (attempt > 1 && draining) {
                    last = new FootholdException(ErrorCode.DRAINING, "the sampler is shutting down: " + last.text());
                    break;
                }
                if (attempt > 1) {
                    sleep(pause);
                    pause = pause.multipliedBy(2);
                    awaitServer();
                }
                try {
                    last = attempt(attempt, missing);
                } catch (Throwable t) {
                    // Whatever it is: somebody waits for the group.
                    last = FootholdException.of(t);
                }
                if (!last.code().retryable()) {
                    break;
                }
            }
            if (cancelled.get()) {
                return;
            }
            if (!missing.isEmpty()) {
                FailureLog.told(LOG, "group " + work.groupId() + ", rollouts " + missing.keySet(), last);
            }
            for (String id : missing.keySet()) {
                sink.failed(id, last);
            }
            sink.done();
        }

        /** Waits until a server is healthy that was here before; a server that never answered is no reason to wait. */
        private void awaitServer() {
            long end = System.nanoTime() + limits.patience().toNanos();
            while (!cancelled.get()
                    && !draining
                    && System.nanoTime() < end
                    && servers.now().stream().noneMatch(TritonEndpoint::healthy)
                    && servers.now().stream().anyMatch(TritonEndpoint::reached)) {
                sleep(POLL);
            }
        }

        /** Asks for what is missing and emits what came; gives the reason why the rest did not. */
        private FootholdException attempt(int attempt, Map<String, GroupWork.Reservation> missing) {
            int[] prompt = promptTokens(work);
            TritonEndpoint endpoint = choose();
            byte[][] vocabulary = vocabulary(endpoint, work);
            Map<String, Collected> byRequest = new LinkedHashMap<>();
            List<ModelInferRequest> requests = new ArrayList<>();
            ModelInferRequest shared = sharedRequest(endpoint, prompt);
            for (GroupWork.Reservation r : missing.values()) {
                String requestId = r.rolloutId() + "/" + attempt;
                byRequest.put(requestId, new Collected(r.rolloutId(), work));
                ModelInferRequest.Builder request = shared.toBuilder().setId(requestId);
                Tensors.put(request, RANDOM_SEED, Tensors.ofUnsignedLong(r.seed()));
                requests.add(request.build());
            }
            CountDownLatch over = new CountDownLatch(1);
            CompletableFuture<FootholdException> failure = new CompletableFuture<>();
            call = endpoint.stream(requests, limits.deadline(), new TritonEndpoint.Responses() {
                @Override
                public void received(String requestId, Map<String, Tensor> outputs, boolean isLast) {
                    Collected c = byRequest.get(requestId);
                    try {
                        if (c != null && c.add(outputs, watch.newest())) {
                            byRequest.remove(requestId);
                            emit(c.rollout(prompt, work, vocabulary), missing);
                        }
                    } catch (Throwable t) {
                        failed(requestId, FootholdException.of(t));
                    }
                }

                @Override
                public void failed(String requestId, FootholdException why) {
                    failure.complete(why);
                    byRequest.remove(requestId);
                    if (why.text().contains(OTHER_POLICY)) {
                        watch.strayed(endpoint);
                    }
                }

                @Override
                public void closed() {
                    over.countDown();
                }
            });
            if (cancelled.get()) {
                cancel();
            }
            await(over);
            return failure.getNow(new FootholdException(
                    ErrorCode.PEER_UNAVAILABLE,
                    "inference server " + endpoint.target() + " ended the stream before " + missing.keySet()));
        }

        /** At once, while others are still being sampled: verification need not wait for the slowest of a group. */
        private void emit(SampledRollout rollout, Map<String, GroupWork.Reservation> missing) {
            if (missing.remove(rollout.rolloutId()) != null && !cancelled.get()) {
                sink.sampled(rollout);
            }
        }

        /** What the requests of a group have in common: all but id and seed. */
        private ModelInferRequest sharedRequest(TritonEndpoint endpoint, int[] prompt) {
            GroupWork.Settings s = work.settings();
            ModelInferRequest.Builder request = endpoint.request("");
            int[] input = Arrays.copyOf(prompt, prompt.length + work.prefixTokens().length);
            System.arraycopy(work.prefixTokens(), 0, input, prompt.length, work.prefixTokens().length);
            Tensors.put(request, INPUT_IDS, Tensors.ofInts(input));
            Tensors.put(request, PROMPT_LENGTH, Tensors.ofInts(prompt.length));
            Tensors.put(request, MAX_TOKENS, Tensors.ofInts(s.maxTokens()));
            Tensors.put(request, TEMPERATURE, Tensors.ofFloats((float) s.temperature()));
            Tensors.put(request, TOP_P, Tensors.ofFloats((float) s.topP()));
            Tensors.put(request, TOP_K, Tensors.ofInts(s.topK()));
            Tensors.put(request, STREAM_INTERVAL, Tensors.ofInts(0));
            Tensors.put(request, MIN_POLICY_VERSION, Tensors.ofLongs(work.minPolicyVersion()));
            work.policy().ifPresent(policy -> {
                Tensors.put(request, POLICY_VERSION, Tensors.ofLongs(policy.number()));
                Tensors.put(request, POLICY_DIGEST, Tensors.ofTexts(List.of(policy.digest())));
            });
            if (!s.stopStrings().isEmpty()) {
                Tensors.put(request, STOP_STRINGS, Tensors.ofTexts(s.stopStrings()));
            }
            return request.build();
        }
    }

    /** What came of one rollout so far. */
    private static final class Collected {
        private final String rolloutId;
        private final GroupWork work;
        private int[] tokens = new int[0];
        private float[] logProbs = new float[0];
        private long[] versions = new long[0];
        private String finishReason = "";

        Collected(String rolloutId, GroupWork work) {
            this.rolloutId = rolloutId;
            this.work = work;
        }

        /**
         * Takes one response; true when it was the last. Tokens of a policy that was not asked for are not taken.
         *
         * @param newest see {@link EndpointWatch#newest()}
         */
        boolean add(Map<String, Tensor> outputs, OptionalLong newest) {
            Tensor ids = outputs.get(OUTPUT_IDS);
            if (ids != null) {
                int[] fresh = ids.ints();
                float[] freshLogProbs = need(outputs, OUTPUT_LOG_PROBS).floats();
                int offset = need(outputs, TOKEN_OFFSET).ints()[0];
                if (offset != tokens.length || freshLogProbs.length != fresh.length) {
                    throw new FootholdException(
                            ErrorCode.PEER_UNAVAILABLE,
                            "rollout " + rolloutId + ": chunk at " + offset + " with " + freshLogProbs.length
                                    + " log-probs for " + fresh.length + " tokens (expected offset " + tokens.length
                                    + ")");
                }
                long version = need(outputs, POLICY_VERSION).longs()[0];
                work.refused(version, newest).ifPresent(why -> {
                    throw new FootholdException(
                            ErrorCode.PEER_UNAVAILABLE,
                            "rollout " + rolloutId + ": the tokens' policy " + OTHER_POLICY + ": " + why);
                });
                int n = tokens.length;
                tokens = Arrays.copyOf(tokens, n + fresh.length);
                System.arraycopy(fresh, 0, tokens, n, fresh.length);
                logProbs = Arrays.copyOf(logProbs, n + fresh.length);
                System.arraycopy(freshLogProbs, 0, logProbs, n, fresh.length);
                versions = Arrays.copyOf(versions, n + fresh.length);
                Arrays.fill(versions, n, versions.length, version);
            }
            Tensor reason = outputs.get(FINISH_REASON);
            if (reason != null) {
                finishReason = reason.text();
            }
            return reason != null && !finishReason.equals("abort");
        }

        private Tensor need(Map<String, Tensor> outputs, String name) {
            Tensor tensor = outputs.get(name);
            if (tensor == null) {
                throw new FootholdException(
                        ErrorCode.PEER_UNAVAILABLE, "rollout " + rolloutId + ": output '" + name + "' is missing");
            }
            return tensor;
        }

        SampledRollout rollout(int[] prompt, GroupWork work, byte[][] vocabulary) {
            List<Integer> ends = Thoughts.ends(
                    SampledRollout.response(work, tokens),
                    vocabulary,
                    work.settings().thoughtDelimiter());
            return SampledRollout.of(
                    rolloutId, work, prompt, tokens, logProbs, versions, ends, finishReason, vocabulary);
        }
    }

    private static void sleep(Duration pause) {
        try {
            Thread.sleep(pause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        }
    }

    /** Takes no further work, waits for what is under way but not for servers that are away, then closes the endpoints. */
    @Override
    public void close() {
        draining = true;
        threads.close();
        watch.close();
        servers.close();
    }
}
