package io.foothold.sampler.rollout;

import static io.foothold.contracts.triton.PolicyTensors.*;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.sampler.triton.TritonEndpoint;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jboss.logging.Logger;
import org.jspecify.annotations.Nullable;

/** A group at one inference server at a time: what did not come is asked for again, with the same seeds. */
final class GroupSampling {
    private static final Logger LOG = Logger.getLogger(RolloutSampler.class);

    private final GroupWork work;
    private final RolloutSampler.Sink sink;
    private final Engines engines;
    private final AtomicBoolean cancelled = new AtomicBoolean();
    private volatile TritonEndpoint.@Nullable Call call;

    GroupSampling(GroupWork work, RolloutSampler.Sink sink, Engines engines) {
        this.work = work;
        this.sink = sink;
        this.engines = engines;
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
        Duration pause = engines.limits().backoff();
        for (int attempt = 1;
                attempt <= engines.limits().attempts() && !missing.isEmpty() && !cancelled.get();
                attempt++) {
            if (attempt > 1 && engines.draining()) {
                last = new FootholdException(ErrorCode.DRAINING, "the sampler is shutting down: " + last.text());
                break;
            }
            if (attempt > 1) {
                Engines.sleep(pause);
                pause = pause.multipliedBy(2);
                engines.awaitServer(cancelled);
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

    /** Asks for what is missing and emits what came; gives the reason why the rest did not. */
    private FootholdException attempt(int attempt, Map<String, GroupWork.Reservation> missing) {
        int[] prompt = engines.promptTokens(work);
        TritonEndpoint endpoint = engines.choose();
        byte[][] vocabulary = engines.vocabulary(endpoint, work);
        Map<String, PartialRollout> byRequest = new LinkedHashMap<>();
        Map<String, Map<String, Tensor>> own = new LinkedHashMap<>();
        for (GroupWork.Reservation r : missing.values()) {
            String requestId = r.rolloutId() + "/" + attempt;
            byRequest.put(requestId, new PartialRollout(r.rolloutId(), work));
            own.put(requestId, Map.of(RANDOM_SEED, Tensors.ofUnsignedLong(r.seed())));
        }
        CountDownLatch over = new CountDownLatch(1);
        CompletableFuture<FootholdException> failure = new CompletableFuture<>();
        call = endpoint.stream(shared(prompt), own, engines.limits().deadline(), new TritonEndpoint.Responses() {
            @Override
            public void received(String requestId, Map<String, Tensor> outputs, boolean isLast) {
                PartialRollout c = byRequest.get(requestId);
                try {
                    if (c != null && c.add(outputs, engines.watch().newest())) {
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
                    engines.watch().strayed(endpoint);
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
    private Map<String, Tensor> shared(int[] prompt) {
        GroupWork.Settings s = work.settings();
        Map<String, Tensor> out = new LinkedHashMap<>();
        int[] input = Arrays.copyOf(prompt, prompt.length + work.prefixTokens().length);
        System.arraycopy(work.prefixTokens(), 0, input, prompt.length, work.prefixTokens().length);
        out.put(INPUT_IDS, Tensors.ofInts(input));
        out.put(PROMPT_LENGTH, Tensors.ofInts(prompt.length));
        out.put(MAX_TOKENS, Tensors.ofInts(s.maxTokens()));
        out.put(TEMPERATURE, Tensors.ofFloats((float) s.temperature()));
        out.put(TOP_P, Tensors.ofFloats((float) s.topP()));
        out.put(TOP_K, Tensors.ofInts(s.topK()));
        out.put(STREAM_INTERVAL, Tensors.ofInts(0));
        out.put(MIN_POLICY_VERSION, Tensors.ofLongs(work.minPolicyVersion()));
        work.policy().ifPresent(policy -> {
            out.put(POLICY_VERSION, Tensors.ofLongs(policy.number()));
            out.put(POLICY_DIGEST, Tensors.ofTexts(List.of(policy.digest())));
        });
        if (!s.stopStrings().isEmpty()) {
            out.put(STOP_STRINGS, Tensors.ofTexts(s.stopStrings()));
        }
        return out;
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new FootholdException(ErrorCode.CANCELLED, "interrupted", e);
        }
    }
}
