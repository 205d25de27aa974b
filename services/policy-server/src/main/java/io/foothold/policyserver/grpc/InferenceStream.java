package io.foothold.policyserver.grpc;

import static io.foothold.contracts.triton.PolicyTensors.*;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FailureLog;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.metric.OpenWork;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.core.policy.Canary;
import io.foothold.core.policy.PolicyVersion;
import io.foothold.inference.InferParameter;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelInferResponse;
import io.foothold.inference.ModelStreamInferResponse;
import io.foothold.policy.GenerationRequest;
import io.foothold.policyserver.serving.EngineStatus;
import io.foothold.policyserver.serving.ModelHost;
import io.foothold.policyserver.serving.Wanted;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.subscription.BackPressureStrategy;
import io.smallrye.mutiny.subscription.Cancellable;
import io.smallrye.mutiny.subscription.MultiEmitter;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/**
 * One ModelStreamInfer call: any number of requests, answered as they progress. Errors of a request travel as
 * {@code error_message}, the stream goes on; when the caller goes away, everything of the stream is aborted.
 */
final class InferenceStream {
    private static final Logger LOG = Logger.getLogger(InferenceStream.class);

    private static final int DEFAULT_INTERVAL = 16;

    private final Supplier<ModelHost> host;
    private final String modelName;
    private final Optional<String> adminSecret;
    private final ArtefactFiles artefacts;
    private final InferenceMetrics metrics;
    private final MultiEmitter<? super ModelStreamInferResponse> emitter;
    private final Map<String, OpenWork.Piece> underWay = new ConcurrentHashMap<>();
    private final AtomicInteger open = new AtomicInteger(1);

    private InferenceStream(
            Supplier<ModelHost> host,
            String modelName,
            Optional<String> adminSecret,
            ArtefactFiles artefacts,
            InferenceMetrics metrics,
            MultiEmitter<? super ModelStreamInferResponse> emitter) {
        this.host = host;
        this.modelName = modelName;
        this.adminSecret = adminSecret;
        this.artefacts = artefacts;
        this.metrics = metrics;
        this.emitter = emitter;
    }

    static Multi<ModelStreamInferResponse> serve(
            Supplier<ModelHost> host,
            String modelName,
            Optional<String> adminSecret,
            ArtefactFiles artefacts,
            InferenceMetrics metrics,
            Multi<ModelInferRequest> requests) {
        return Multi.createFrom()
                .emitter(
                        emitter -> {
                            InferenceStream stream =
                                    new InferenceStream(host, modelName, adminSecret, artefacts, metrics, emitter);
                            Cancellable upstream = requests.subscribe()
                                    .with(stream::accept, failure -> stream.abortAll(), stream::requestEnded);
                            emitter.onTermination(() -> {
                                upstream.cancel();
                                stream.abortAll();
                            });
                        },
                        BackPressureStrategy.BUFFER);
    }

    private void accept(ModelInferRequest request) {
        open.incrementAndGet();
        try {
            TritonErrors.checkModel(request.getModelName(), request.getModelVersion(), modelName);
            TritonErrors.checkParameters(request.getParametersMap());
            Map<String, Tensor> tensors = Tensors.of(request, modelName);
            PolicyModel.check(modelName, request, tensors);
            String op = PolicyModel.opOf(tensors);
            if (op.equals("generate")) {
                generate(request, tensors);
            } else if (op.equals("tokenize") || op.equals("vocabulary")) {
                // As much work as the caller likes: it must not hold up the tokens of others on this thread.
                Thread.startVirtualThread(() -> controlAside(request, op, tensors));
            } else {
                control(request, op, tensors);
            }
        } catch (Throwable t) {
            // Whatever it is: who asked waits for an answer.
            failed(request, FailureLog.told(LOG, "request " + request.getId(), t));
        }
    }

    private void controlAside(ModelInferRequest request, String op, Map<String, Tensor> tensors) {
        try {
            control(request, op, tensors);
        } catch (Throwable t) {
            // Whatever it is: who asked waits for an answer.
            failed(request, FailureLog.told(LOG, "request " + request.getId(), t));
        }
    }

    private void generate(ModelInferRequest request, Map<String, Tensor> tensors) {
        String id = request.getId();
        GenerationRequest generation = PolicyModel.generation(id, tensors);
        int interval = PolicyModel.integer(tensors, STREAM_INTERVAL, DEFAULT_INTERVAL);
        if (interval < 0) {
            throw PolicyModel.invalid("stream_interval must be >= 0, got " + interval);
        }
        Wanted wanted = PolicyModel.wanted(tensors);
        OpenWork.Piece piece = metrics.requests().begin();
        if (underWay.putIfAbsent(id, piece) != null) {
            metrics.requests().end(piece);
            throw PolicyModel.invalid("request id '" + id + "' is already under way on this stream");
        }
        host.get().submit(generation, wanted, new Chunks(request, generation, interval), refusal -> {
            done(id);
            failed(request, refusal);
        });
    }

    /** Gathers tokens into responses; called on the host's reply thread. */
    private final class Chunks implements GenerationRequest.Listener {
        private final ModelInferRequest request;
        private final GenerationRequest generation;
        private final int interval;
        private int[] ids = new int[32];
        private float[] logProbs = new float[32];
        private int count;
        private int sent;
        private long version;

        Chunks(ModelInferRequest request, GenerationRequest generation, int interval) {
            this.request = request;
            this.generation = generation;
            this.interval = interval;
        }

        @Override
        public void tokens(int[] tokens, float[] lps, long tokenVersion) {
            if (count > 0 && tokenVersion != version) {
                flush(chunk(), false);
            }
            version = tokenVersion;
            if (count + tokens.length > ids.length) {
                ids = Arrays.copyOf(ids, 2 * (count + tokens.length));
                logProbs = Arrays.copyOf(logProbs, ids.length);
            }
            System.arraycopy(tokens, 0, ids, count, tokens.length);
            System.arraycopy(lps, 0, logProbs, count, tokens.length);
            count += tokens.length;
            if (interval > 0 && count >= interval) {
                flush(chunk(), false);
            }
        }

        @Override
        public void ended(GenerationRequest.End end, int stopIndex) {
            ModelInferResponse.Builder response = chunk();
            Tensors.put(
                    response, FINISH_REASON, Tensors.ofTexts(List.of(end.name().toLowerCase(Locale.ROOT))));
            Tensors.put(response, STOP_INDEX, Tensors.ofInts(stopIndex));
            Tensors.put(
                    response,
                    NUM_INPUT_TOKENS,
                    Tensors.ofUnsigned(generation.prompt().length + generation.given().length));
            Tensors.put(response, NUM_OUTPUT_TOKENS, Tensors.ofUnsigned(sent + count));
            flush(response, true);
            done(request.getId());
            requestEnded();
        }

        private ModelInferResponse.Builder chunk() {
            ModelInferResponse.Builder response = responseTo(request);
            Tensors.put(response, OUTPUT_IDS, Tensors.ofInts(Arrays.copyOf(ids, count)));
            Tensors.put(response, OUTPUT_LOG_PROBS, Tensors.ofFloats(Arrays.copyOf(logProbs, count)));
            Tensors.put(response, TOKEN_OFFSET, Tensors.ofInts(sent));
            Tensors.put(response, POLICY_VERSION, Tensors.ofLongs(version));
            return response;
        }

        private void flush(ModelInferResponse.Builder response, boolean last) {
            send(request, response, last);
            sent += count;
            count = 0;
        }
    }

    private void control(ModelInferRequest request, String op, Map<String, Tensor> tensors) {
        switch (op) {
            case "tokenize" -> tokenize(request, tensors);
            case "vocabulary" -> vocabulary(request);
            case "status" -> status(request, host.get().status());
            case "abort" -> {
                authorise(request);
                for (byte[] id : PolicyModel.tensor(tensors, TARGET_ID).bytes()) {
                    host.get().abort(new String(id, StandardCharsets.UTF_8));
                }
                status(request, host.get().status());
            }
            case "pause", "resume" -> {
                authorise(request);
                if (op.equals("pause")) {
                    host.get().pause();
                } else {
                    host.get().resume();
                }
                status(request, host.get().status());
            }
            case "update", "reset" -> {
                authorise(request);
                PolicyVersion policy = PolicyModel.policy(tensors, WEIGHTS_DIGEST);
                String uri = PolicyModel.tensor(tensors, WEIGHTS_URI).text();
                Optional<Canary> canary = PolicyModel.canary(tensors);
                // Links are followed, or the object store is asked, which may block.
                CompletableFuture<EngineStatus> done = CompletableFuture.supplyAsync(
                                () -> artefacts.file("input '" + WEIGHTS_URI + "'", uri, policy.digest()),
                                Thread::startVirtualThread)
                        .thenCompose(file -> op.equals("update")
                                ? host.get().update(policy, file, canary)
                                : host.get().reset(policy, file, canary));
                done.whenComplete((after, failure) -> {
                    if (failure == null) {
                        LOG.infof("op %s: policy version %s", op, policy);
                        status(request, after);
                    } else {
                        failed(request, FailureLog.told(LOG, "op " + op + " to version " + policy, failure));
                    }
                });
            }
            default ->
                throw PolicyModel.invalid("unknown op '" + op
                        + "' (expected generate, tokenize, vocabulary, status, abort, pause, resume, update or reset)");
        }
    }

    private void authorise(ModelInferRequest request) {
        if (adminSecret.isEmpty()) {
            return;
        }
        InferParameter given = request.getParametersMap().get(ADMIN_PARAMETER);
        byte[] a = adminSecret.get().getBytes(StandardCharsets.UTF_8);
        byte[] b = given == null ? new byte[0] : given.getStringParam().getBytes(StandardCharsets.UTF_8);
        if (!MessageDigest.isEqual(a, b)) {
            throw PolicyModel.invalid(
                    "control operations need the admin secret in parameter '" + ADMIN_PARAMETER + "'");
        }
    }

    private void tokenize(ModelInferRequest request, Map<String, Tensor> tensors) {
        List<byte[]> texts = PolicyModel.tensor(tensors, TEXT).bytes();
        Tensor chat = tensors.get(CHAT);
        List<int[]> encoded = new ArrayList<>();
        for (byte[] text : texts) {
            String prompt = new String(text, StandardCharsets.UTF_8);
            encoded.add(
                    chat == null
                            ? host.get().tokenizer().encode(prompt)
                            : host.get().encodeMessage(prompt, chat.text()));
        }
        ModelInferResponse.Builder response = responseTo(request);
        Tensors.put(
                response,
                IDS,
                Tensors.ofInts(encoded.stream().flatMapToInt(Arrays::stream).toArray()));
        Tensors.put(
                response,
                LENGTHS,
                Tensors.ofInts(encoded.stream().mapToInt(e -> e.length).toArray()));
        send(request, response, true);
        requestEnded();
    }

    private void vocabulary(ModelInferRequest request) {
        List<byte[]> pieces = new ArrayList<>();
        for (int id = 0; id < host.get().tokenizer().vocabulary(); id++) {
            pieces.add(host.get().tokenizer().piece(id));
        }
        ModelInferResponse.Builder response = responseTo(request);
        Tensors.put(response, PIECES, Tensors.ofBytes(pieces));
        send(request, response, true);
        requestEnded();
    }

    private void status(ModelInferRequest request, EngineStatus s) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("version", s.version()).put("digest", s.digest()).put("paused", s.paused());
        json.put("running", s.running()).put("waiting", s.waiting()).put("slots", s.slots());
        json.put("max_length", s.maxLength()).put("tokens", s.tokens());
        // Sequences under way go on with the keys that they have.
        json.put("engine", "policy-server").put("weight_change", "keep").put("adapters", "merged");
        json.put("row_steps", s.rowSteps()).put("slot_steps", s.slotSteps()).put("pause_micros", s.lastPauseMicros());
        json.put("last_error", s.lastError());
        s.proof().ifPresent(proof -> {
            ObjectNode canary = json.putObject("canary")
                    .put("version", proof.version())
                    .put("cold_mean", proof.cold().mean())
                    .put("cold_max", proof.cold().max())
                    .put("warm_mean", proof.warm().mean())
                    .put("warm_max", proof.warm().max());
            proof.toldApart().ifPresent(apart -> canary.put("told_apart", apart));
        });
        ModelInferResponse.Builder response = responseTo(request);
        Tensors.put(response, STATUS_JSON, Tensors.ofTexts(List.of(json.toString())));
        Tensors.put(response, POLICY_VERSION, Tensors.ofLongs(s.version()));
        send(request, response, true);
        requestEnded();
    }

    private ModelInferResponse.Builder responseTo(ModelInferRequest request) {
        return ModelInferResponse.newBuilder()
                .setId(request.getId())
                .setModelName(modelName)
                .setModelVersion("1");
    }

    private void send(ModelInferRequest request, ModelInferResponse.Builder response, boolean last) {
        if (request.getOutputsCount() > 0) {
            Tensors.keep(
                    response,
                    request.getOutputsList().stream()
                            .map(ModelInferRequest.InferRequestedOutputTensor::getName)
                            .collect(Collectors.toSet()));
        }
        if (last) {
            metrics.answered();
        }
        response.putParameters(
                "triton_final_response",
                InferParameter.newBuilder().setBoolParam(last).build());
        emitter.emit(
                ModelStreamInferResponse.newBuilder().setInferResponse(response).build());
    }

    private void failed(ModelInferRequest request, FootholdException failure) {
        if (failure.code() == ErrorCode.INTERNAL) {
            metrics.broken();
        } else {
            metrics.answered();
        }
        ModelInferResponse.Builder about = ModelInferResponse.newBuilder().setId(request.getId());
        if (failure.code() != ErrorCode.INVALID_INPUT && failure.code() != ErrorCode.NOT_FOUND) {
            about.setModelName(modelName)
                    .putParameters(
                            "triton_final_response",
                            InferParameter.newBuilder().setBoolParam(true).build());
        }
        emitter.emit(ModelStreamInferResponse.newBuilder()
                .setErrorMessage(failure.text())
                .setInferResponse(about)
                .build());
        requestEnded();
    }

    private void done(String id) {
        OpenWork.Piece piece = underWay.remove(id);
        if (piece != null) {
            metrics.requests().end(piece);
        }
    }

    /** One request is answered, or the caller will send no more; the stream ends with the last of them. */
    private void requestEnded() {
        if (open.decrementAndGet() == 0) {
            emitter.complete();
        }
    }

    private void abortAll() {
        for (String id : underWay.keySet()) {
            host.get().abort(id);
            done(id);
        }
    }
}
