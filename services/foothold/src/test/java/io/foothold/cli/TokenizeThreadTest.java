package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.contracts.triton.PolicyTensors;
import io.foothold.contracts.triton.Tensors;
import io.foothold.inference.ModelInferRequest;
import io.foothold.inference.ModelStreamInferResponse;
import io.smallrye.mutiny.Multi;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Work as long as a caller's texts is done beside the thread that serves everybody's tokens. */
class TokenizeThreadTest {
    @TempDir
    Path directory;

    private static ModelInferRequest request(String op, String text) {
        ModelInferRequest.Builder request =
                ModelInferRequest.newBuilder().setModelName("policy").setId(op + text.length());
        Tensors.put(request, PolicyTensors.OP, Tensors.ofTexts(List.of(op)));
        if (!text.isEmpty()) {
            Tensors.put(request, PolicyTensors.TEXT, Tensors.ofTexts(List.of(text)));
        }
        return request.build();
    }

    @Test
    void textsAreEncodedOnAnotherThreadAndRefusalsComeBack() throws Exception {
        try (Stack stack = new Stack(directory)) {
            Map<String, Thread> threads = new ConcurrentHashMap<>();
            List<ModelStreamInferResponse> answers = stack.triton
                    .modelStreamInfer(Multi.createFrom()
                            .items(request("tokenize", "1+1"), request("vocabulary", ""), request("tokenize", "")))
                    .onItem()
                    .invoke(r -> threads.put(r.getInferResponse().getId(), Thread.currentThread()))
                    .collect()
                    .asList()
                    .await()
                    .atMost(Duration.ofSeconds(60));
            assertThat(answers).hasSize(3);
            assertThat(answers.stream().filter(r -> !r.getErrorMessage().isEmpty()))
                    .as("a request without text")
                    .hasSize(1);
            assertThat(threads.get("tokenize3")).isNotEqualTo(Thread.currentThread());
            assertThat(threads.get("vocabulary0")).isNotEqualTo(Thread.currentThread());
        }
    }
}
