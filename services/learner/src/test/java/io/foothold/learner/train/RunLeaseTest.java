package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RunLeaseTest {
    private final AtomicLong nanos = new AtomicLong(-5);
    private final RunLease lease = new RunLease(nanos::get);
    private final RunLease.Holder a = new RunLease.Holder("a", 0, "x");
    private final RunLease.Holder b = new RunLease.Holder("b", 0, "x");

    private void pass(Duration time) {
        nanos.addAndGet(time.toNanos());
    }

    @Test
    void anotherRunIsRefusedByNameUntilTheFirstGivesTheLearnerBack() {
        lease.take(a);
        assertThatCode(() -> lease.take(a)).doesNotThrowAnyException();
        assertThatThrownBy(() -> lease.take(b))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
                .hasMessageContaining("the learner has run a under way");
        assertThat(lease.release(b)).as("only who has it can give it back").isFalse();
        assertThat(lease.keep(b)).isFalse();
        assertThat(lease.release(a)).isTrue();
        assertThat(lease.keep(a)).isFalse();
        lease.take(b);
        assertThatThrownBy(() -> lease.take(a)).hasMessageContaining("run b under way");
    }

    @Test
    void aRunThatIsHeardOfKeepsTheLearnerAndASilentOneLosesIt() {
        lease.take(a);
        for (int i = 0; i < 10; i++) {
            pass(RunLease.LENGTH.minusSeconds(1));
            assertThatThrownBy(() -> lease.take(b)).hasMessageContaining("is free 1 s from now");
            assertThat(lease.keep(a)).isTrue();
        }
        pass(RunLease.LENGTH);
        lease.take(b);
        assertThat(lease.keep(a)).isFalse();
    }

    @Test
    void aLaterHolderTakesOverAndTheFormerOneCountsNoMore() {
        RunLease.Holder later = new RunLease.Holder("a", 1, "y");
        lease.take(a);
        lease.take(later);
        assertThat(lease.release(a)).as("a late goodbye of the former process").isFalse();
        assertThat(lease.keep(a)).isFalse();
        assertThat(lease.keep(later)).isTrue();
        assertThatThrownBy(() -> lease.take(a)).hasMessageContaining("incarnation 1, this is 0");
        assertThatThrownBy(() -> lease.take(new RunLease.Holder("a", 1, "z")))
                .as("two at once are no succession")
                .hasMessageContaining("for another process");
        assertThatThrownBy(() -> lease.take(b)).hasMessageContaining("run a under way");
        pass(RunLease.LENGTH);
        lease.take(a);
        assertThat(lease.release(later)).isFalse();
    }

    @Test
    void workOfTheRunIsHeardWhoeverSendsIt() {
        lease.take(a);
        pass(RunLease.LENGTH.minusSeconds(1));
        lease.heardOf("b");
        lease.heardOf("a");
        pass(RunLease.LENGTH.minusSeconds(1));
        assertThatThrownBy(() -> lease.take(b)).hasMessageContaining("is free 1 s from now");
    }
}
