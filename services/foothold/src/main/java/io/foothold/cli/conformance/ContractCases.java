package io.foothold.cli.conformance;

import static io.foothold.cli.conformance.Checks.equal;
import static io.foothold.cli.conformance.Peer.digest;
import static io.foothold.cli.conformance.Peer.ids;
import static io.foothold.cli.conformance.Peer.tensor;

import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import io.foothold.inference.*;
import io.foothold.policy.PolicyWeights;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** The policy's tensor contract: seeds, chunks, given tokens, control operations. */
final class ContractCases {
    private final Peer peer;
    private final Checks checks;

    ContractCases(Peer peer, Checks checks) {
        this.peer = peer;
        this.checks = checks;
    }

    void run() {
        checks.check("contract: the same seed gives the same tokens, however they are cut", () -> {
            Peer.Stream s =
                    peer.stream(List.of(peer.every("one", 20, 1), peer.every("some", 20, 8), peer.every("all", 20, 0)));
            equal(Arrays.toString(ids(s.of("one"))), Arrays.toString(ids(s.of("some"))), "tokens of interval 8");
            equal(Arrays.toString(ids(s.of("one"))), Arrays.toString(ids(s.of("all"))), "tokens of interval 0");
            equal(1, s.of("all").size(), "responses of interval 0");
        });
        String tail = "contract: given tokens are continued with the tail of the whole";
        String noise = "vLLM draws its own noise, which depends on where a sequence was begun";
        checks.unless(peer.vllm(), Conformance.Outcome.DIFFERS, tail, noise, () -> {
            int[] whole = ids(peer.stream(List.of(peer.every("w", 16, 4))).of("w"));
            int[] start = new int[3 + 6];
            System.arraycopy(new int[] {3, 4, 5}, 0, start, 0, 3);
            System.arraycopy(whole, 0, start, 3, 6);
            ModelInferRequest.Builder rest = peer.request("t");
            Tensors.put(rest, PolicyTensors.INPUT_IDS, Tensors.ofInts(start));
            Tensors.put(rest, PolicyTensors.PROMPT_LENGTH, Tensors.ofInts(3));
            Tensors.put(rest, PolicyTensors.MAX_TOKENS, Tensors.ofInts(10));
            Tensors.put(rest, PolicyTensors.RANDOM_SEED, Tensors.ofUnsignedLong(7));
            Tensors.put(rest, PolicyTensors.IGNORE_EOS, Tensors.ofBool(true));
            equal(
                    Arrays.toString(Arrays.copyOfRange(whole, 6, 16)),
                    Arrays.toString(ids(peer.stream(List.of(rest.build())).of("t"))),
                    "tail");
        });
        checks.check("contract: the last response says why and how much", () -> {
            List<ModelStreamInferResponse> r =
                    peer.stream(List.of(peer.every("f", 9, 4))).of("f");
            Map<String, Tensor> t = Tensors.of(r.get(r.size() - 1).getInferResponse());
            equal("length", tensor(t, PolicyTensors.FINISH_REASON).text(), "finish_reason");
            equal(-1, tensor(t, PolicyTensors.STOP_INDEX).ints()[0], "stop_index");
            equal(3, tensor(t, PolicyTensors.NUM_INPUT_TOKENS).ints()[0], "num_input_tokens");
            equal(9, tensor(t, PolicyTensors.NUM_OUTPUT_TOKENS).ints()[0], "num_output_tokens");
            int offset = 0;
            for (ModelStreamInferResponse response : r) {
                Map<String, Tensor> chunk = Tensors.of(response.getInferResponse());
                equal(offset, tensor(chunk, PolicyTensors.TOKEN_OFFSET).ints()[0], "token_offset");
                int count = tensor(chunk, PolicyTensors.OUTPUT_IDS).ints().length;
                equal(count, tensor(chunk, PolicyTensors.OUTPUT_LOG_PROBS).floats().length, "log-probs of a chunk");
                equal(true, chunk.containsKey(PolicyTensors.POLICY_VERSION), "policy_version on a chunk");
                offset += count;
            }
        });
        checks.check("contract: a stop token ends the sequence and is named", () -> {
            int[] whole = ids(peer.stream(List.of(peer.every("w", 16, 0))).of("w"));
            ModelInferRequest.Builder stop = peer.generate("stop", 16);
            int other = IntStream.rangeClosed(0, whole.length)
                    .filter(id -> Arrays.stream(whole).noneMatch(drawn -> drawn == id))
                    .findFirst()
                    .orElseThrow();
            Tensors.put(stop, PolicyTensors.STOP_TOKEN_IDS, Tensors.ofInts(other, whole[5]));
            List<ModelStreamInferResponse> r =
                    peer.stream(List.of(stop.build())).of("stop");
            Map<String, Tensor> t = Tensors.of(r.get(r.size() - 1).getInferResponse());
            equal("stop_token", tensor(t, PolicyTensors.FINISH_REASON).text(), "finish_reason");
            equal(1, tensor(t, PolicyTensors.STOP_INDEX).ints()[0], "stop_index");
            equal(whole[5], ids(r)[ids(r).length - 1], "last token");
        });
        checks.check("contract: log-probs are those of the distribution sampled from", () -> {
            ModelInferRequest.Builder greedy = peer.generate("g", 6);
            Tensors.put(greedy, PolicyTensors.TEMPERATURE, Tensors.ofFloats(0));
            List<ModelStreamInferResponse> r =
                    peer.stream(List.of(greedy.build())).of("g");
            for (ModelStreamInferResponse response : r) {
                for (float lp : tensor(Tensors.of(response.getInferResponse()), PolicyTensors.OUTPUT_LOG_PROBS)
                        .floats()) {
                    equal(0f, lp, "log-prob of a greedy token");
                }
            }
        });
        for (Map.Entry<String, ModelInferRequest.Builder> e : Map.of(
                        "an unknown op", peer.request("bad"),
                        "generate without ids", peer.request("bad"),
                        "max_tokens 0", peer.generate("bad", 0),
                        "a sequence longer than the server's", peer.generate("bad", 1 << 20))
                .entrySet()) {
            ModelInferRequest.Builder bad = e.getValue();
            if (e.getKey().startsWith("an unknown")) {
                Tensors.put(bad, PolicyTensors.OP, Tensors.ofTexts(List.of("dance")));
            } else if (e.getKey().startsWith("generate")) {
                Tensors.put(bad, PolicyTensors.MAX_TOKENS, Tensors.ofInts(4));
            }
            checks.check("contract: " + e.getKey() + " is refused, the stream goes on", () -> {
                Peer.Stream s = peer.stream(List.of(bad.build(), peer.control("next", "status")));
                equal(1, s.of("bad").size(), "responses");
                equal(false, s.of("bad").get(0).getErrorMessage().isEmpty(), "error_message is empty");
                equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
            });
        }
        checks.check("contract: an artefact with another digest is refused, the old version serves on", () -> {
            String before = peer.status();
            ModelInferRequest.Builder update = peer.operation("up", "update");
            Tensors.put(
                    update, PolicyTensors.WEIGHTS_URI, Tensors.ofTexts(List.of("file:///nowhere/model.safetensors")));
            Tensors.put(update, PolicyTensors.WEIGHTS_DIGEST, Tensors.ofTexts(List.of("00")));
            Tensors.put(update, PolicyTensors.POLICY_VERSION, Tensors.ofLongs(1_000_000));
            Peer.Stream s = peer.stream(List.of(update.build(), peer.every("after", 4, 0)));
            equal(false, s.of("up").get(0).getErrorMessage().isEmpty(), "error_message is empty");
            equal(4, ids(s.of("after")).length, "tokens afterwards");
            equal(digest(before), digest(peer.status()), "digest");
        });
        checks.check("contract: a truncated artefact is refused, the old version serves on", () -> {
            String before = peer.status();
            byte[] bytes = "{\"half a header".getBytes(StandardCharsets.UTF_8);
            Path file = Files.createTempFile("truncated", ".safetensors");
            try {
                Files.write(file, bytes);
                ModelInferRequest.Builder update = peer.operation("up", "update");
                Tensors.put(
                        update,
                        PolicyTensors.WEIGHTS_URI,
                        Tensors.ofTexts(List.of(file.toUri().toString())));
                Tensors.put(
                        update, PolicyTensors.WEIGHTS_DIGEST, Tensors.ofTexts(List.of(PolicyWeights.digestOf(bytes))));
                Tensors.put(update, PolicyTensors.POLICY_VERSION, Tensors.ofLongs(1_000_001));
                Peer.Stream s = peer.stream(List.of(update.build(), peer.every("after", 4, 0)));
                equal(false, s.of("up").get(0).getErrorMessage().isEmpty(), "error_message is empty");
                equal(4, ids(s.of("after")).length, "tokens afterwards");
                equal(digest(before), digest(peer.status()), "digest");
            } finally {
                Files.delete(file);
            }
        });
        checks.check(
                "contract: a text is encoded as a user's message, or refused where the policy has no chat template",
                () -> {
                    ModelInferRequest.Builder message = peer.message("{\"system\": \"\", \"options\": {}}");
                    Peer.Stream s = peer.stream(List.of(message.build(), peer.control("next", "status")));
                    String error = s.of("chat").get(0).getErrorMessage();
                    boolean encoded =
                            Tensors.of(s.of("chat").get(0).getInferResponse()).containsKey(PolicyTensors.IDS);
                    equal(
                            true,
                            encoded || error.contains("no chat template"),
                            "ids, or a refusal for want of a template; got " + error);
                    equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
                });
        checks.check("contract: an input 'chat' that is no JSON object is refused", () -> {
            Peer.Stream s = peer.stream(List.of(peer.message("half {").build(), peer.control("next", "status")));
            equal(false, s.of("chat").get(0).getErrorMessage().isEmpty(), "error_message is empty");
            equal("", s.of("next").get(0).getErrorMessage(), "error of the next request");
        });
        checks.check("contract: pause holds sampling between two tokens, resume goes on", () -> {
            Peer.Stream paused = peer.stream(List.of(peer.control("p", "pause")));
            equal("", paused.of("p").get(0).getErrorMessage(), "error of op pause");
            CompletableFuture<Peer.Stream> held = peer.later(peer.every("h", 4, 0));
            Thread.sleep(300);
            boolean early = held.isDone();
            peer.stream(List.of(peer.control("r", "resume")));
            equal(4, ids(held.get(Peer.SECONDS, TimeUnit.SECONDS).of("h")).length, "tokens after resume");
            equal(false, early, "answered while paused");
        });
    }
}
