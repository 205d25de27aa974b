package io.foothold.sampler.triton;

import static io.foothold.contracts.triton.PolicyTensors.*;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.triton.Tensors;
import io.foothold.contracts.triton.Tensors.Tensor;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Has an inference server encode texts, many at a time. Thread-safe. */
final class Tokenizing {
    /** Characters of the texts of one request, the last text aside. */
    private static final int MOST_TOKENIZED = 4 << 20;

    private final TritonEndpoint endpoint;
    /** Texts that wait for the next request; guards {@link #tokenizing}. */
    private final Map<TritonEndpoint.Prompt, CompletableFuture<int[]>> untokenized = new LinkedHashMap<>();

    private boolean tokenizing;

    Tokenizing(TritonEndpoint endpoint) {
        this.endpoint = endpoint;
    }

    /** Token ids of a text. Texts that are asked for while a request is under way go together in the next one. */
    int[] tokenize(TritonEndpoint.Prompt prompt, Duration deadline) {
        CompletableFuture<int[]> ids;
        synchronized (untokenized) {
            ids = untokenized.computeIfAbsent(prompt, t -> new CompletableFuture<>());
            if (!tokenizing) {
                tokenizing = true;
                Thread.startVirtualThread(() -> tokenizeAll(deadline));
            }
        }
        try {
            return ids.join();
        } catch (RuntimeException e) {
            throw FootholdException.of(e);
        }
    }

    private void tokenizeAll(Duration deadline) {
        while (true) {
            Map<String, Map<String, CompletableFuture<int[]>>> batches = new LinkedHashMap<>();
            synchronized (untokenized) {
                if (untokenized.isEmpty()) {
                    tokenizing = false;
                    return;
                }
                int characters = 0;
                for (var it = untokenized.entrySet().iterator(); it.hasNext() && characters < MOST_TOKENIZED; ) {
                    var next = it.next();
                    batches.computeIfAbsent(next.getKey().chat(), c -> new LinkedHashMap<>())
                            .put(next.getKey().text(), next.getValue());
                    characters += next.getKey().text().length();
                    it.remove();
                }
            }
            batches.forEach((chat, batch) -> {
                try {
                    tokenizeBatch(chat, batch, deadline);
                } catch (Throwable t) {
                    // Whatever it is: somebody waits for the ids.
                    batch.values().forEach(ids -> ids.completeExceptionally(t));
                }
            });
        }
    }

    private void tokenizeBatch(String chat, Map<String, CompletableFuture<int[]>> batch, Duration deadline) {
        Tensor texts = Tensors.ofTexts(List.copyOf(batch.keySet()));
        Map<String, Tensor> inputs =
                chat.isEmpty() ? Map.of(TEXT, texts) : Map.of(TEXT, texts, CHAT, Tensors.ofTexts(List.of(chat)));
        Map<String, Tensor> outputs = endpoint.control("tokenize", inputs, deadline);
        Tensor all = outputs.get(IDS);
        Tensor lengths = outputs.get(LENGTHS);
        int[] counts = lengths == null ? new int[0] : lengths.ints();
        if (all == null || counts.length != batch.size()) {
            throw new FootholdException(
                    ErrorCode.PEER_UNAVAILABLE,
                    "inference server " + endpoint.target() + " answered op tokenize of " + batch.size()
                            + " texts without '" + IDS + "' or as many '" + LENGTHS + "'");
        }
        int[] ids = all.ints();
        int from = 0;
        int text = 0;
        for (Map.Entry<String, CompletableFuture<int[]>> entry : batch.entrySet()) {
            int to = from + counts[text++];
            if (to == from) {
                entry.getValue()
                        .completeExceptionally(new FootholdException(
                                ErrorCode.INVALID_INPUT, "the prompt has no tokens: '" + entry.getKey() + "'"));
            } else {
                entry.getValue().complete(Arrays.copyOfRange(ids, from, to));
            }
            from = to;
        }
    }
}
