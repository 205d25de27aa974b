package io.foothold.augmentation.problems;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.augmentation.dial.Dial;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who waits for a set and who does not. */
@Timeout(60)
class ProblemSetsTest {
    private static final List<Problem> PROBLEMS = Dial.problems(Dial.Level.named("easy"), 3, 1, "train");

    private final AtomicInteger reads = new AtomicInteger();
    private final CountDownLatch begun = new CountDownLatch(1);
    private final CountDownLatch disk = new CountDownLatch(1);

    private static ProblemSets.Source source(int seed) {
        return new ProblemSets.Source.Generated("dial", "easy", 3, seed, "train");
    }

    /** That of seed 0 lies on a slow disk. */
    private List<Problem> read(ProblemSets.Source source) {
        reads.incrementAndGet();
        if (source.equals(source(0))) {
            begun.countDown();
            try {
                disk.await();
            } catch (InterruptedException e) {
                throw new AssertionError("reading was interrupted", e);
            }
        }
        return PROBLEMS;
    }

    @Test
    void whoeverIsInterruptedLeavesAndTheReadingGoesOnForTheNext() throws Exception {
        ProblemSets sets = new ProblemSets(this::read);
        for (int i = 0; i < 8; i++) {
            CompletableFuture<Throwable> left = new CompletableFuture<>();
            Thread waiting = Thread.ofPlatform().start(() -> {
                try {
                    left.completeExceptionally(new AssertionError("got " + sets.load(source(0))));
                } catch (FootholdException e) {
                    left.complete(e);
                }
            });
            begun.await();
            waiting.interrupt();
            assertThat(left.get()).isInstanceOfSatisfying(FootholdException.class, e -> assertThat(e.code())
                    .isEqualTo(ErrorCode.CANCELLED));
        }
        assertThat(sets.load(source(1))).as("other sets are there").hasSize(3);
        disk.countDown();
        assertThat(sets.load(source(0))).hasSize(3);
        assertThat(reads).as("each was read once").hasValue(2);
    }

    @Test
    void oneThatIsBeingReadIsNotForgottenForOthers() throws Exception {
        ProblemSets sets = new ProblemSets(this::read);
        CompletableFuture<Integer> slow =
                CompletableFuture.supplyAsync(() -> sets.load(source(0)).size());
        begun.await();
        for (int seed = 1; seed < 40; seed++) {
            assertThat(sets.load(source(seed))).hasSize(3);
        }
        disk.countDown();
        assertThat(slow.get(30, TimeUnit.SECONDS)).isEqualTo(3);
        assertThat(sets.load(source(0))).hasSize(3);
        assertThat(reads).hasValue(40);
    }

    @Test
    void aFailureOfWhateverKindIsToldToAllWhoWaitAndReadingBeginsAgain() {
        AtomicInteger times = new AtomicInteger();
        ProblemSets sets = new ProblemSets(source -> switch (times.incrementAndGet()) {
            case 1 -> throw new FootholdException(ErrorCode.INVALID_DATA, "a.jsonl:3: not JSON");
            case 2 -> throw new OutOfMemoryError("Java heap space");
            default -> PROBLEMS;
        });
        assertThatThrownBy(() -> sets.load(source(0))).hasMessage("a.jsonl:3: not JSON");
        assertThatThrownBy(() -> sets.load(source(0))).hasMessageContaining("OutOfMemoryError: Java heap space");
        assertThat(sets.load(source(0))).hasSize(3);
    }
}
