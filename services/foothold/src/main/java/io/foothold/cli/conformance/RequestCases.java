package io.foothold.cli.conformance;

import static io.foothold.cli.conformance.Checks.equal;
import static io.foothold.cli.conformance.Peer.ids;
import static io.foothold.cli.conformance.Peer.input;
import static io.foothold.cli.conformance.Peer.text;
import static io.foothold.cli.conformance.Peer.unknown;
import static io.foothold.cli.conformance.Peer.zeros;

import com.google.protobuf.ByteString;
import io.foothold.inference.*;
import io.grpc.Status;
import java.util.List;

/** Wrong requests on a stream: each is refused in-band with the text that tritonserver gives, and the stream goes on. */
final class RequestCases {
    private final Peer peer;
    private final Checks checks;

    RequestCases(Peer peer, Checks checks) {
        this.peer = peer;
        this.checks = checks;
    }

    void run() {
        wrongTensors();
        wrongParameters();
    }

    /** A wrong request is refused in-band, names itself, and the stream and its other requests go on. */
    private void inBand(String name, String text, ModelInferRequest.Builder bad) {
        checks.check("stream: " + name, () -> {
            Peer.Stream s = peer.stream(List.of(bad.setId("bad").build(), peer.control("next", "status")));
            equal(Status.Code.OK, s.status().getCode(), "status of the stream");
            equal(1, s.of("bad").size(), "responses to the wrong request");
            equal(text, s.of("bad").get(0).getErrorMessage(), "error_message");
            equal(1, s.of("next").size(), "responses to the next request");
            equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
        });
    }

    private void wrongTensors() {
        String id = "[request id: bad] ";
        String of = " for model '" + peer.model() + "'";
        inBand("unknown model", unknown("nosuch"), peer.generate("bad", 4).setModelName("nosuch"));
        inBand("unknown version", peer.unknownVersion(), peer.generate("bad", 4).setModelVersion("9"));
        inBand(
                "wrong datatype",
                id + "inference input 'max_tokens' data-type is 'FP32', but model '" + peer.model()
                        + "' expects 'INT32'",
                peer.request("bad").addInputs(input("max_tokens", "FP32", 1)).addRawInputContents(zeros(4)));
        inBand(
                "wrong shape",
                id + "unexpected shape for input 'max_tokens'" + of + ". Expected [1], got [2]. ",
                peer.request("bad").addInputs(input("max_tokens", "INT32", 2)).addRawInputContents(zeros(8)));
        inBand(
                "wrong rank",
                id + "unexpected shape for input 'input_ids'" + of + ". Expected [-1], got [1,2]. ",
                peer.request("bad").addInputs(input("input_ids", "INT32", 1, 2)).addRawInputContents(zeros(8)));
        inBand(
                "negative dimension",
                id + "All input dimensions should be specified for input 'input_ids'" + of + ", got [-1]",
                peer.request("bad").addInputs(input("input_ids", "INT32", -1)).addRawInputContents(zeros(4)));
        inBand(
                "extra input",
                "unexpected inference input 'nope'" + of,
                peer.request("bad").addInputs(input("nope", "INT32", 1)).addRawInputContents(zeros(4)));
        inBand(
                "input twice",
                id + "input 'max_tokens' already exists in request",
                peer.request("bad")
                        .addInputs(input("max_tokens", "INT32", 1))
                        .addInputs(input("max_tokens", "INT32", 1))
                        .addRawInputContents(zeros(4))
                        .addRawInputContents(zeros(4)));
        inBand(
                "unknown output",
                "unexpected inference output 'nope'" + of,
                peer.generate("bad", 4)
                        .addOutputs(ModelInferRequest.InferRequestedOutputTensor.newBuilder()
                                .setName("nope")));
        inBand(
                "typed and raw data",
                "contents field must not be specified when using raw_input_contents for 'max_tokens'" + of,
                peer.request("bad")
                        .addInputs(input("max_tokens", "INT32", 1)
                                .setContents(InferTensorContents.newBuilder().addIntContents(4)))
                        .addRawInputContents(zeros(4)));
        inBand(
                "raw data of a wrong size",
                id + "input byte size mismatch for input 'input_ids'" + of + ". Expected 12, got 8",
                peer.request("bad").addInputs(input("input_ids", "INT32", 3)).addRawInputContents(zeros(8)));
        inBand(
                "typed data in the wrong field",
                "unexpected explicit tensor data for input tensor 'max_tokens'" + of
                        + " of type 'INT64', expected datatype 'INT32'",
                peer.request("bad")
                        .addInputs(input("max_tokens", "INT32", 1)
                                .setContents(InferTensorContents.newBuilder().addInt64Contents(4))));
        inBand(
                "raw entry missing",
                "unable to find data for input tensor 'input_ids'" + of + " in request.",
                peer.request("bad")
                        .addInputs(input("max_tokens", "INT32", 1))
                        .addInputs(input("input_ids", "INT32", 1))
                        .addRawInputContents(zeros(4)));
        inBand(
                "too few strings",
                id + "expected 2 string elements for inference input 'text'" + of + ", got 1",
                peer.request("bad")
                        .addInputs(input("text", "BYTES", 2))
                        .addRawInputContents(ByteString.copyFrom(new byte[] {1, 0, 0, 0, 'a'})));
        inBand(
                "too many strings",
                id + "unexpected number of string elements 2 for inference input 'text'" + of + ", expecting 1",
                peer.request("bad")
                        .addInputs(input("text", "BYTES", 1))
                        .addRawInputContents(ByteString.copyFrom(new byte[] {1, 0, 0, 0, 'a', 1, 0, 0, 0, 'b'})));
        inBand(
                "cut string length",
                id + "incomplete string length indicator for inference input 'text'" + of
                        + ", expecting 4 bytes but only 2 bytes available. Please make sure the string length indicator is in "
                        + "one buffer.",
                peer.request("bad").addInputs(input("text", "BYTES", 1)).addRawInputContents(zeros(2)));
        checks.check("stream: raw entries that no input names are ignored", () -> {
            Peer.Stream s = peer.stream(List.of(ModelInferRequest.newBuilder(peer.control("more", "status"))
                    .addRawInputContents(zeros(4))
                    .build()));
            equal("", s.responses().get(0).getErrorMessage(), "error");
        });
        checks.unless(
                peer.triton(),
                Conformance.Outcome.KNOWN_DEFECT,
                "stream: shape 2^62 without data",
                "passes tritonserver's core and kills its Python stub",
                () -> {
                    Peer.Stream s = peer.stream(List.of(
                            peer.request("bad")
                                    .addInputs(input("input_ids", "INT32", 1L << 62))
                                    .addRawInputContents(zeros(0))
                                    .build(),
                            peer.control("next", "status")));
                    equal(false, s.of("bad").get(0).getErrorMessage().isEmpty(), "refused");
                    equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
                });
    }

    private void wrongParameters() {
        inBand(
                "reserved parameter",
                "parameter keys starting with 'triton_' are reserved for Triton usage. Only the following keys starting "
                        + "with 'triton_' are allowed: triton_enable_empty_final_response",
                peer.generate("bad", 4).putParameters("triton_foo", text("x")));
        inBand(
                "opt-in that is no bool",
                "invalid value type for 'triton_enable_empty_final_response' parameter, expected bool_param.",
                peer.generate("bad", 4).putParameters("triton_enable_empty_final_response", text("x")));
        inBand(
                "parameter of an unsigned kind",
                "invalid value type for 'my_u' parameter, expected int64_param, bool_param, or string_param.",
                peer.generate("bad", 4)
                        .putParameters(
                                "my_u",
                                InferParameter.newBuilder().setUint64Param(1).build()));
        inBand(
                "sequence_id of a wrong kind",
                "invalid value type for 'sequence_id' parameter, expected int64_param or string_param.",
                peer.generate("bad", 4)
                        .putParameters(
                                "sequence_id",
                                InferParameter.newBuilder().setBoolParam(true).build()));
        inBand(
                "timeout of a wrong kind",
                "invalid value type for 'timeout' parameter, expected int64_param.",
                peer.generate("bad", 4).putParameters("timeout", text("1")));
        checks.check("stream: parameters of one's own are taken", () -> {
            Peer.Stream s = peer.stream(List.of(peer.generate("own", 4)
                    .putParameters("tag", text("x"))
                    .putParameters(
                            "n", InferParameter.newBuilder().setInt64Param(3).build())
                    .putParameters(
                            "d", InferParameter.newBuilder().setDoubleParam(.1).build())
                    .build()));
            equal(4, ids(s.of("own")).length, "tokens");
        });
    }
}
