package io.foothold.cli.machine;

import io.foothold.policy.MachineMemory;
import java.util.Locale;

/** How much memory there is for processes of ours, in bytes. */
public interface Memory {
    /** What could be taken now; {@link Long#MAX_VALUE} where nobody says. */
    long available();

    /** Of this machine: what Linux says is available, and no more than the control groups of this process leave. */
    static Memory ofMachine() {
        return MachineMemory::available;
    }

    /** In GiB, for people. */
    static String told(long bytes) {
        return bytes == Long.MAX_VALUE
                ? "an unknown amount"
                : String.format(Locale.ROOT, "%.1f GiB", bytes / (1024.0 * 1024 * 1024));
    }
}
