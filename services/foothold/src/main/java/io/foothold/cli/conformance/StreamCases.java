package io.foothold.cli.conformance;

import static io.foothold.cli.conformance.Checks.equal;
import static io.foothold.cli.conformance.Peer.ids;
import static io.foothold.cli.conformance.Peer.last;

import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.contracts.triton.Tensors;
import io.foothold.inference.*;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Final flags, chunks, many requests on one stream, cancellation, deadlines. */
final class StreamCases {
    private final Peer peer;
    private final Checks checks;

    StreamCases(Peer peer, Checks checks) {
        this.peer = peer;
        this.checks = checks;
    }

    void run() {
        checks.check("stream: no request, then half-close", () -> {
            Peer.Stream s = peer.stream(List.of());
            equal(Status.Code.OK, s.status().getCode(), "status");
            equal(0, s.responses().size(), "responses");
        });
        checks.check("stream: chunks say that more may come, the last one that none will", () -> {
            List<ModelStreamInferResponse> r =
                    peer.stream(List.of(peer.every("c", 12, 3))).of("c");
            equal(true, r.size() >= 4, "at least 4 responses, got " + r.size());
            for (int i = 0; i < r.size(); i++) {
                ModelInferResponse response = r.get(i).getInferResponse();
                equal(true, response.containsParameters("triton_final_response"), "flag on response " + i);
                equal(i == r.size() - 1, last(r.get(i)), "final flag of response " + i);
                equal(peer.model(), response.getModelName(), "model_name");
                equal("1", response.getModelVersion(), "model_version");
            }
        });
        checks.check("stream: the opt-in adds no response when the last chunk has the flag", () -> {
            List<ModelStreamInferResponse> r = peer.stream(List.of(ModelInferRequest.newBuilder(peer.every("o", 6, 3))
                            .putParameters(
                                    "triton_enable_empty_final_response",
                                    InferParameter.newBuilder()
                                            .setBoolParam(true)
                                            .build())
                            .build()))
                    .of("o");
            equal(1L, r.stream().filter(Peer::last).count(), "responses with the final flag");
            equal(6, ids(r).length, "tokens");
        });
        checks.check("stream: 60 requests at once, each answered in full", () -> {
            List<ModelInferRequest> many = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                many.add(peer.every("m" + i, 5 + i % 7, 2));
            }
            Peer.Stream s = peer.stream(many);
            equal(Status.Code.OK, s.status().getCode(), "status");
            for (int i = 0; i < 60; i++) {
                equal(5 + i % 7, ids(s.of("m" + i)).length, "tokens of request " + i);
                equal(1L, s.of("m" + i).stream().filter(Peer::last).count(), "finals of request " + i);
            }
        });
        checks.check("stream: 8 streams beside each other", () -> {
            List<CompletableFuture<Peer.Stream>> all = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                all.add(peer.later(peer.every("s", 10, 4)));
            }
            int[] first = ids(all.get(0).get(Peer.SECONDS, TimeUnit.SECONDS).responses());
            for (CompletableFuture<Peer.Stream> s : all) {
                equal(
                        Arrays.toString(first),
                        Arrays.toString(
                                ids(s.get(Peer.SECONDS, TimeUnit.SECONDS).responses())),
                        "tokens of the same seed");
            }
        });
        checks.check("stream: only the outputs that were asked for are sent", () -> {
            List<ModelStreamInferResponse> r = peer.stream(List.of(peer.generate("q", 6)
                            .addOutputs(ModelInferRequest.InferRequestedOutputTensor.newBuilder()
                                    .setName(PolicyTensors.OUTPUT_IDS))
                            .build()))
                    .of("q");
            equal(6, ids(r).length, "tokens");
            for (ModelStreamInferResponse response : r) {
                equal(
                        java.util.Set.of(PolicyTensors.OUTPUT_IDS),
                        Tensors.of(response.getInferResponse()).keySet(),
                        "outputs");
            }
        });
        checks.check("stream: a cancelled stream is CANCELLED and its request stops", () -> {
            Peer.Stream s = peer.stream(List.of(peer.every("x", 60, 1)), Peer.SECONDS * 1000, 2);
            equal(Status.Code.CANCELLED, s.status().getCode(), "status");
            peer.idle();
        });
        checks.check("stream: a deadline is DEADLINE_EXCEEDED and its request stops", () -> {
            LinkedBlockingQueue<Status> ended = new LinkedBlockingQueue<>();
            StreamObserver<ModelInferRequest> open = GRPCInferenceServiceGrpc.newStub(peer.channel())
                    .withDeadlineAfter(700, TimeUnit.MILLISECONDS)
                    .modelStreamInfer(new StreamObserver<>() {
                        @Override
                        public void onNext(ModelStreamInferResponse r) {
                            // Only the end counts.
                        }

                        @Override
                        public void onError(Throwable t) {
                            ended.add(Status.fromThrowable(t));
                        }

                        @Override
                        public void onCompleted() {
                            ended.add(Status.OK);
                        }
                    });
            open.onNext(peer.every("d", 60, 1));
            Status status = ended.poll(Peer.SECONDS, TimeUnit.SECONDS);
            equal(Status.Code.DEADLINE_EXCEEDED, status == null ? null : status.getCode(), "status");
            peer.idle();
        });
        checks.unless(
                peer.triton(),
                Conformance.Outcome.KNOWN_DEFECT,
                "stream: header triton_grpc_error with a second request",
                "strict mode ends tritonserver 2.51 with SIGSEGV when anything is written after the error",
                () -> {
                    Metadata headers = new Metadata();
                    headers.put(Metadata.Key.of("triton_grpc_error", Metadata.ASCII_STRING_MARSHALLER), "true");
                    peer.stream(
                            List.of(
                                    peer.generate("bad", 0).build(),
                                    peer.control("next", "status"),
                                    peer.every("more", 4, 1)),
                            Peer.SECONDS * 1000,
                            -1,
                            MetadataUtils.newAttachHeadersInterceptor(headers));
                    equal(
                            4,
                            ids(peer.stream(List.of(peer.every("then", 4, 0))).of("then")).length,
                            "tokens afterwards");
                });
        checks.unless(
                peer.triton(),
                Conformance.Outcome.KNOWN_DEFECT,
                "stream: an error is never followed by silence",
                "a sender that is dropped without FINAL leaves the client waiting until its deadline",
                () -> {
                    ModelInferRequest.Builder old = peer.generate("old", 4);
                    Tensors.put(old, PolicyTensors.MIN_POLICY_VERSION, Tensors.ofLongs(1_000_000));
                    List<ModelStreamInferResponse> r =
                            peer.stream(List.of(old.build())).of("old");
                    equal(true, last(r.get(r.size() - 1)), "final flag of the error");
                });
    }
}
