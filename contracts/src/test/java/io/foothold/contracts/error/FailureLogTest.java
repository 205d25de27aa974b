package io.foothold.contracts.error;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the log says of failures. */
class FailureLogTest {
    private static final Logger UNDERNEATH = Logger.getLogger("failure-log-test");
    private static final org.jboss.logging.Logger LOG = org.jboss.logging.Logger.getLogger("failure-log-test");

    private final List<LogRecord> records = new ArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord record) {
            records.add(record);
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @BeforeEach
    void listen() {
        UNDERNEATH.setLevel(Level.INFO);
        UNDERNEATH.addHandler(handler);
    }

    @AfterEach
    void deafen() {
        UNDERNEATH.removeHandler(handler);
    }

    @Test
    void aDefectComesOnceWithItsStackTraceHoweverManyEdgesItPasses() {
        FootholdException first = FailureLog.told(LOG, "run r, update 3", new IllegalStateException("torn"));
        FootholdException second = FailureLog.told(LOG, "a call", first);
        assertThat(second).isSameAs(first);
        assertThat(first.code()).isEqualTo(ErrorCode.INTERNAL);
        assertThat(records).hasSize(1).first().satisfies(r -> {
            assertThat(r.getMessage()).contains("run r, update 3", "torn");
            assertThat(r.getThrown()).hasCauseInstanceOf(IllegalStateException.class);
            assertThat(r.getLevel().intValue()).isGreaterThanOrEqualTo(Level.SEVERE.intValue());
        });
    }

    @Test
    void whatOthersCausedIsOneLineWithoutATrace() {
        FailureLog.told(LOG, "run r", new FootholdException(ErrorCode.PEER_UNAVAILABLE, "the learner is away"));
        FailureLog.told(LOG, "run r", new FootholdException(ErrorCode.INVALID_DATA, "line 3 of x.jsonl: 100%d"));
        assertThat(records).hasSize(2).allSatisfy(r -> {
            assertThat(r.getThrown()).isNull();
            assertThat(r.getLevel()).isEqualTo(Level.WARNING);
        });
        assertThat(records.get(0).getMessage()).contains("the learner is away", "PEER_UNAVAILABLE");
        assertThat(records.get(1).getMessage()).contains("100%d");
    }

    @Test
    void aCancellationIsNoFailure() {
        FailureLog.told(LOG, "run r", new FootholdException(ErrorCode.CANCELLED, "asked to stop"));
        assertThat(records).isEmpty();
    }
}
