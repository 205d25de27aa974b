package io.foothold.cli.machine;

/** How far the heap of a service's process may grow. A bound: what is not needed is not taken, and weights lie outside of it. */
public final class Heap {
    /** Of a child: rollouts and messages under way, and the container. */
    public static final String OF_CHILD = "-Xmx1g";

    /** Of a service started by itself, which may hold large problem sets: half of the memory that the machine or the container has. */
    public static final String OF_SERVICE = "-XX:MaxRAMPercentage=50";

    private Heap() {}
}
