package io.foothold.policy;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/** Which slot goes to which sequence. */
final class SlotArrangement {
    private SlotArrangement() {}

    /**
     * Gives the rows that go on and fresh sequences the first slots. A gap takes the oldest row of the next block, whose gap takes
     * the oldest of the one behind it, and so on, so that old rows stay together; fresh sequences take the gaps of the last block,
     * where nothing has to be moved for them.
     *
     * @param active sequences by slot
     * @param ended slots of those that ended
     * @param fresh count of fresh sequences
     * @param blockRows rows of a block
     * @return the slot now of the sequence that each slot goes to; −1 for a fresh one
     */
    static int[] of(List<SampledSequence> active, BitSet ended, int fresh, int blockRows) {
        int target = active.size() - ended.cardinality() + fresh;
        int extent = Math.max(active.size(), target);
        int[] holder = new int[extent];
        for (int i = 0; i < extent; i++) {
            holder[i] = i < active.size() && !ended.get(i) ? i : -1;
        }
        int lastBlock = (target - 1) / blockRows * blockRows;
        for (int at = 0; at < lastBlock; at++) {
            int source = holder[at] < 0 ? oldest(active, blockRows, holder, (at / blockRows + 1) * blockRows) : -1;
            if (source >= 0) {
                holder[at] = holder[source];
                holder[source] = -1;
            }
        }
        int gap = 0;
        for (int i = target; i < extent; i++) {
            if (holder[i] >= 0) {
                while (holder[gap] >= 0) {
                    gap++;
                }
                holder[gap] = holder[i];
            }
        }
        return Arrays.copyOf(holder, target);
    }

    /** Slot of the oldest row of the first block from {@code from} on that has one; -1 when there is none. */
    private static int oldest(List<SampledSequence> active, int blockRows, int[] holder, int from) {
        int best = -1;
        for (int i = from; i < holder.length && (best < 0 || i % blockRows != 0); i++) {
            if (holder[i] >= 0
                    && (best < 0
                            || active.get(holder[i]).position()
                                    > active.get(holder[best]).position())) {
                best = i;
            }
        }
        return best;
    }
}
