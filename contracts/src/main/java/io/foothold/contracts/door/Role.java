package io.foothold.contracts.door;

import java.util.Locale;

/** What the holder of a token may do; each role may do what those before it may. */
public enum Role {
    /** Sees runs, metrics and documentation. */
    VIEWER,
    /** Creates, stops and resumes runs. */
    OPERATOR,
    /** Everything, and the calls of services among themselves: sampling, publishing, training, judging. */
    ADMIN;

    /** Whether it may do what another role may. */
    public boolean covers(Role needed) {
        return compareTo(needed) >= 0;
    }

    /** How it is written in settings and messages. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
