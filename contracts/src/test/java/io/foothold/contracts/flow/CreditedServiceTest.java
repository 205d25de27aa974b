package io.foothold.contracts.flow;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.contracts.error.FootholdException;
import io.smallrye.mutiny.Multi;
import io.smallrye.mutiny.helpers.test.AssertSubscriber;
import io.smallrye.mutiny.operators.multi.processors.UnicastProcessor;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The serving side by itself: integers are credits when negative, work otherwise. */
class CreditedServiceTest {
    private static final CreditedService.Shape<Integer, String> SHAPE = new CreditedService.Shape<>() {
        @Override
        public int creditOf(Integer request) {
            return request < 0 ? -request : 0;
        }

        @Override
        public String credit(int items) {
            return "credit " + items;
        }

        @Override
        public List<String> failed(Integer work, FootholdException failure) {
            return List.of("failed " + work + ": " + failure.text());
        }
    };

    private final UnicastProcessor<Integer> up = UnicastProcessor.create();
    private CreditedService<Integer, String> service =
            new CreditedService<>("test", SHAPE, 1, CreditedServiceTest::answer);

    private AssertSubscriber<String> serve(int window, CreditedService.Handler<Integer, String> handler) {
        service = new CreditedService<>("test", SHAPE, window, handler);
        return service.serve(up).subscribe().withSubscriber(AssertSubscriber.create(Long.MAX_VALUE));
    }

    private static Runnable answer(int work, CreditedService.Results<String> results) {
        results.emit("done " + work);
        results.done();
        return () -> {};
    }

    @Test
    void resultsWaitForCreditAndWorkGivesItsCreditBackOnceHalfTheWindowIsUsed() {
        AssertSubscriber<String> down = serve(3, CreditedServiceTest::answer);
        up.onNext(1);
        up.onNext(2);
        assertThat(down.getItems()).containsExactly("credit 3");
        up.onNext(-1);
        assertThat(down.getItems()).as("two are used").containsExactly("credit 3", "done 1", "credit 1");
        up.onNext(-5);
        up.onNext(3);
        up.onComplete();
        assertThat(down.getItems()).containsExactly("credit 3", "done 1", "credit 1", "done 2", "credit 1", "done 3");
        down.assertCompleted();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8, 64})
    void aCallerNeverWaitsForCreditThatIsFree(int window) {
        SplittableRandom random = new SplittableRandom(window);
        List<CreditedService.Results<String>> underWay = new ArrayList<>();
        AssertSubscriber<String> down = serve(window, (work, results) -> {
            underWay.add(results);
            return () -> {};
        });
        up.onNext(-10_000);
        int sent = 0;
        for (int event = 0; event < 1000; event++) {
            int left = granted(down) - sent;
            assertThat(left)
                    .isGreaterThanOrEqualTo(Math.min(window - underWay.size(), (window + 1) / 2))
                    .isLessThanOrEqualTo(window - underWay.size());
            if (left > 0 && random.nextBoolean()) {
                up.onNext(++sent);
            } else if (!underWay.isEmpty()) {
                underWay.remove(random.nextInt(underWay.size())).done();
            }
        }
    }

    @Test
    void oneMessageGivesHalfAWindowBack() {
        AssertSubscriber<String> down = serve(64, CreditedServiceTest::answer);
        up.onNext(-1000);
        for (int work = 1; work <= 320; work++) {
            up.onNext(work);
        }
        assertThat(down.getItems().stream().filter(item -> item.startsWith("credit")))
                .hasSize(10)
                .endsWith("credit 32");
    }

    private static int granted(AssertSubscriber<String> down) {
        return down.getItems().stream()
                .mapToInt(item -> Integer.parseInt(item.substring("credit ".length())))
                .sum();
    }

    @Test
    void workWithoutCreditEndsTheStreamWithItsReason() {
        AssertSubscriber<String> down = serve(2, CreditedServiceTest::answer);
        up.onNext(1);
        up.onNext(2);
        up.onNext(3);
        down.assertFailedWith(io.grpc.StatusRuntimeException.class, "work without credit: all 2 credits are in use");
    }

    @Test
    void aHandlerThatThrowsFailsItsWorkAndTheStreamGoesOn() {
        AssertSubscriber<String> down = serve(2, (work, results) -> {
            if (work == 1) {
                throw new IllegalStateException("boom");
            }
            if (work == 2) {
                throw new NoClassDefFoundError("bang");
            }
            return answer(work, results);
        });
        up.onNext(-9);
        up.onNext(1);
        up.onNext(2);
        up.onNext(3);
        assertThat(down.getItems())
                .containsExactly(
                        "credit 2",
                        "failed 1: IllegalStateException: boom",
                        "credit 1",
                        "failed 2: NoClassDefFoundError: bang",
                        "credit 1",
                        "done 3");
    }

    @Test
    void whoGoesAwayStopsItsWork() {
        AtomicInteger stopped = new AtomicInteger();
        AssertSubscriber<String> down = serve(4, (work, results) -> stopped::incrementAndGet);
        up.onNext(1);
        up.onNext(2);
        down.cancel();
        assertThat(stopped).hasValue(2);
    }

    @Test
    void aServiceThatStopsEndsItsStreamsBeforeItsWorkIsInterrupted() {
        List<CreditedService.Results<String>> under = new ArrayList<>();
        AssertSubscriber<String> down = serve(4, (work, results) -> {
            under.add(results);
            return () -> {
                results.emit("interrupted " + work);
                results.done();
            };
        });
        up.onNext(-9);
        up.onNext(1);
        service.stop();
        down.assertFailedWith(io.grpc.StatusRuntimeException.class, "the service is shutting down");
        under.get(0).emit("late");
        assertThat(down.getItems()).as("nobody's result").containsExactly("credit 4");
    }

    @Test
    void aServiceThatHasStoppedTakesNoFurtherStream() {
        serve(4, CreditedServiceTest::answer);
        service.stop();
        AssertSubscriber<String> late = service.serve(Multi.createFrom().<Integer>nothing())
                .subscribe()
                .withSubscriber(AssertSubscriber.create(Long.MAX_VALUE));
        late.assertFailedWith(io.grpc.StatusRuntimeException.class, "the service is shutting down");
    }
}
