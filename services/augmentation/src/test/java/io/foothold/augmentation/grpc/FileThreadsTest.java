package io.foothold.augmentation.grpc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Reading has threads of its own and an end. */
@Timeout(60)
class FileThreadsTest {
    private static final Duration LONG = Duration.ofSeconds(30);

    @Test
    void workThatTakesTooLongFailsAndItsThreadIsFreeAgain() throws InterruptedException {
        FileThreads files = new FileThreads(1, Duration.ofMillis(200));
        CountDownLatch interrupted = new CountDownLatch(1);
        assertThatThrownBy(() -> files.run("reading", () -> {
                            try {
                                new CountDownLatch(1).await();
                            } catch (InterruptedException e) {
                                interrupted.countDown();
                            }
                            return 1;
                        })
                        .await()
                        .atMost(LONG))
                .hasMessageContaining("reading took longer than")
                .extracting(t -> ((FootholdException) t).code())
                .isEqualTo(ErrorCode.DEADLINE);
        interrupted.await();
        assertThat(files.run("reading", () -> 2).await().atMost(LONG)).isEqualTo(2);
        files.close();
    }

    @Test
    void workRunsOnThreadsOfItsOwnAndFailsAsItFails() {
        FileThreads files = new FileThreads(1, LONG);
        assertThat(files.run("x", () -> Thread.currentThread().getName())
                        .await()
                        .atMost(LONG))
                .startsWith("files-");
        assertThatThrownBy(() -> files.run("x", () -> {
                            throw new IllegalStateException("boom");
                        })
                        .await()
                        .atMost(LONG))
                .hasMessage("boom");
        assertThat(files.run("x", Thread::interrupted).await().atMost(LONG))
                .as("no interrupt is left behind")
                .isFalse();
        files.close();
    }
}
