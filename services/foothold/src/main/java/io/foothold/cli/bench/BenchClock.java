package io.foothold.cli.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** Seconds on the clock and on the cores since it was made; the second tell what work costs on a machine that others use too. */
final class BenchClock {
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final long wall = System.nanoTime();
    private final long cpu = PROCESS.getProcessCpuTime();

    /** Seconds that went by. */
    double seconds() {
        return (System.nanoTime() - wall) / 1e9;
    }

    /** Seconds of all threads of this process, the JVM's own with them. */
    double cpuSeconds() {
        return (PROCESS.getProcessCpuTime() - cpu) / 1e9;
    }
}
