package io.foothold.core.method;

import java.util.ArrayList;
import java.util.List;

/** A place cannot be filled. */
public final class PlaceLost extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final RuntimeException why;
    private final transient List<End> ends;

    /**
     * A loss.
     *
     * @param reason why what came of the place is given up
     * @param cause what went wrong
     * @param ends of rollouts that had theirs before
     */
    public PlaceLost(String reason, RuntimeException cause, List<End> ends) {
        super(reason, cause);
        this.why = cause;
        this.ends = List.copyOf(ends);
    }

    /** What went wrong. */
    public RuntimeException why() {
        return why;
    }

    /** Ends of rollouts that had theirs before; all others of the place are given up for the message. */
    public List<End> ends() {
        return ends;
    }

    /** The same, after others were given up. */
    PlaceLost after(List<End> givenUp) {
        List<End> all = new ArrayList<>(givenUp);
        all.addAll(ends);
        return new PlaceLost(String.valueOf(getMessage()), why(), all);
    }
}
