package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ReportedWorkTest {
    private static String reportOf(Callable<String> piece) throws Exception {
        LinkedBlockingQueue<String> reports = new LinkedBlockingQueue<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            new ReportedWork<>(threads, reports).begin(piece, failure -> failure.code() + " " + failure.text());
            String report = reports.poll(30, TimeUnit.SECONDS);
            assertThat(report).as("whatever happens, one report comes").isNotNull();
            return report;
        }
    }

    private static int deeper(int depth) {
        return deeper(depth + 1) + 1;
    }

    @Test
    void everyPieceEndsWithOneReportAlsoWhenTheMachineFailsIt() throws Exception {
        assertThat(reportOf(() -> "done")).isEqualTo("done");
        assertThat(reportOf(() -> {
                    throw new FootholdException(ErrorCode.PEER_UNAVAILABLE, "away");
                }))
                .isEqualTo("PEER_UNAVAILABLE away");
        assertThat(reportOf(() -> {
                    throw new OutOfMemoryError("Java heap space");
                }))
                .isEqualTo("INTERNAL OutOfMemoryError: Java heap space");
        assertThat(reportOf(() -> "" + deeper(0))).startsWith("INTERNAL StackOverflowError");
        assertThat(reportOf(() -> {
                    throw new NoClassDefFoundError("io/foothold/Absent");
                }))
                .contains("NoClassDefFoundError", "Absent");
        assertThat(reportOf(() -> {
                    throw new java.io.IOException("disk");
                }))
                .contains("IOException: disk");
    }
}
