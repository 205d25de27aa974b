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

    private void pass(Duration time) {
        nanos.addAndGet(time.toNanos());
    }

    @Test
    void anotherRunIsRefusedByNameUntilTheFirstGivesTheLearnerBack() {
        lease.take("a");
        assertThatCode(() -> lease.take("a")).doesNotThrowAnyException();
        assertThatThrownBy(() -> lease.take("b"))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
                .hasMessageContaining("the learner has run a under way");
        assertThat(lease.release("b")).as("only who has it can give it back").isFalse();
        assertThat(lease.keep("b")).isFalse();
        assertThat(lease.release("a")).isTrue();
        assertThat(lease.keep("a")).isFalse();
        lease.take("b");
        assertThatThrownBy(() -> lease.take("a")).hasMessageContaining("run b under way");
    }

    @Test
    void aRunThatIsHeardOfKeepsTheLearnerAndASilentOneLosesIt() {
        lease.take("a");
        for (int i = 0; i < 10; i++) {
            pass(RunLease.LENGTH.minusSeconds(1));
            assertThatThrownBy(() -> lease.take("b")).hasMessageContaining("is free 1 s from now");
            assertThat(lease.keep("a")).isTrue();
        }
        pass(RunLease.LENGTH);
        lease.take("b");
        assertThat(lease.keep("a")).isFalse();
    }
}
