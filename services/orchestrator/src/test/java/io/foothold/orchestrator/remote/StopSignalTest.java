package io.foothold.orchestrator.remote;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What a run waits for, and its end. */
class StopSignalTest {
    @Test
    void everyWaitEndsWithTheReasonAndNoneBeginsAfterIt() {
        StopSignal stop = new StopSignal();
        CompletableFuture<String> first = stop.guard(new CompletableFuture<>());
        CompletableFuture<String> second = stop.guard(new CompletableFuture<>());
        stop.stop();
        for (CompletableFuture<String> wait : List.of(first, second, stop.guard(new CompletableFuture<String>()))) {
            assertThatThrownBy(() -> StopSignal.await(wait))
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CANCELLED));
        }
        assertThatThrownBy(() -> stop.sleep(Duration.ofHours(1))).hasMessage("the run was asked to stop");
    }

    @Test
    void aStopLetsTheUpdateEndThatIsUnderWayAndAnAbortDoesNot() {
        StopSignal stopped = new StopSignal();
        CompletableFuture<String> update = new CompletableFuture<>();
        stopped.stop();
        Thread.ofVirtual().start(() -> update.complete("done"));
        assertThat(stopped.awaitUpdate(update, () -> false)).isEqualTo("done");
        assertThatThrownBy(() -> stopped.awaitUpdate(new CompletableFuture<>(), () -> true))
                .hasMessage("the run was asked to stop");
        StopSignal aborted = new StopSignal();
        aborted.stop();
        aborted.abort(new FootholdException(ErrorCode.PEER_UNAVAILABLE, "gone"));
        assertThatThrownBy(() -> aborted.awaitUpdate(new CompletableFuture<>(), () -> false))
                .hasMessage("gone");
        assertThatThrownBy(aborted::check).hasMessage("gone");
    }

    @Test
    void aCallIsRepeatedWhileItsServiceIsAwayAndARefusalIsNot() {
        List<String> told = new ArrayList<>();
        Waits waits = new Waits() {
            @Override
            public void lost(String service, String reason) {
                told.add("lost " + service + ": " + reason);
            }

            @Override
            public void found(String service, Duration after) {
                told.add("found " + service);
            }
        };
        StopSignal stop = new StopSignal();
        Patience patience = new Patience(Duration.ofMinutes(1), stop, waits);
        AtomicInteger calls = new AtomicInteger();
        String answer = patience.call("learner at h:1", () -> {
            if (calls.incrementAndGet() < 3) {
                throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "refused");
            }
            return "here";
        });
        assertThat(answer).isEqualTo("here");
        assertThat(told).containsExactly("lost learner at h:1: refused", "found learner at h:1");
        for (ErrorCode code : List.of(ErrorCode.INVALID_INPUT, ErrorCode.CONFLICT, ErrorCode.STORAGE)) {
            calls.set(0);
            assertThatThrownBy(() -> patience.call("x", () -> {
                        calls.incrementAndGet();
                        throw new FootholdException(code, "no");
                    }))
                    .hasMessage("no");
            assertThat(calls).hasValue(1);
        }
        Patience none = new Patience(Duration.ZERO, stop, Waits.SILENT);
        assertThatThrownBy(() -> none.call("sampler at h:2", () -> {
                    throw new FootholdException(ErrorCode.DEADLINE, "silence");
                }))
                .hasMessageContaining("sampler at h:2 was away for more than 0 s: silence");
    }
}
