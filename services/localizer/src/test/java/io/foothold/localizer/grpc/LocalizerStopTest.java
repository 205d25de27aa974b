package io.foothold.localizer.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.foothold.localizer.external.ChatEndpoint;
import io.foothold.v1.Credit;
import io.foothold.v1.LocalizeRequest;
import io.foothold.v1.LocalizeResponse;
import io.foothold.v1.LocalizeWork;
import io.foothold.v1.LocalizerMode;
import io.foothold.v1.LocalizerPrompt;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.smallrye.mutiny.helpers.test.AssertSubscriber;
import io.smallrye.mutiny.operators.multi.processors.UnicastProcessor;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class LocalizerStopTest {
    /** An external model that takes a question and never answers. */
    @Test
    void aQuestionThatAStopInterruptsIsAnsweredByNobody() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        try (ServerSocket silent = new ServerSocket(0, 4, InetAddress.getLoopbackAddress())) {
            Thread.ofVirtual().start(() -> {
                try {
                    silent.accept().getInputStream().read();
                    asked.countDown();
                } catch (java.io.IOException e) {
                    // The test is over.
                }
            });
            LocalizerGrpc localizer = new LocalizerGrpc(
                    4,
                    Optional.of(new ChatEndpoint.Settings(
                            "http://127.0.0.1:" + silent.getLocalPort(),
                            "model",
                            Optional.empty(),
                            Duration.ofMinutes(1),
                            1,
                            Duration.ofMillis(1))),
                    new SimpleMeterRegistry());
            UnicastProcessor<LocalizeRequest> up = UnicastProcessor.create();
            AssertSubscriber<LocalizeResponse> down =
                    localizer.localize(up).subscribe().withSubscriber(AssertSubscriber.create(Long.MAX_VALUE));
            up.onNext(LocalizeRequest.newBuilder()
                    .setCredit(Credit.newBuilder().setItems(9))
                    .build());
            up.onNext(LocalizeRequest.newBuilder()
                    .setWork(LocalizeWork.newBuilder()
                            .setRolloutId("r")
                            .setMode(LocalizerMode.LOCALIZER_MODE_EXTERNAL)
                            .addThoughts("a")
                            .setPrompt(LocalizerPrompt.newBuilder()
                                    .setTemplate("{problem} {thoughts}")
                                    .setMaxTokens(5)))
                    .build());
            asked.await();
            localizer.stop();
            await().until(() -> down.getFailure() != null);
            assertThat(down.getFailure()).hasMessageContaining("the service is shutting down");
            assertThat(down.getItems()).noneMatch(LocalizeResponse::hasLocalization);
        }
    }
}
