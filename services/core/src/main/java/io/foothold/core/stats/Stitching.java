package io.foothold.core.stats;

import java.util.List;

/**
 * Whether an unguided answer comes by the state that guided ones started from: POPE's account of why what is learned behind guidance carries over
 * is that it does (stitching, arXiv 2601.18779). A state is told by the thoughts that lead to it.
 */
public final class Stitching {
    private Stitching() {}

    /**
     * Whether a response's thoughts hold all of a prefix's, in their order; what stands between them, and white space around each, does not
     * matter. So an answer in detail comes by the state of a terse prefix, and one that got a thought of it wrong does not.
     *
     * @param thoughts of the response
     * @param prefix thoughts that lead to the state, at least one
     */
    public static boolean passesThrough(List<String> thoughts, List<String> prefix) {
        if (prefix.isEmpty()) {
            throw new IllegalArgumentException("the root is no state to come by");
        }
        int found = 0;
        for (String thought : thoughts) {
            if (found < prefix.size()
                    && thought.strip().equals(prefix.get(found).strip())) {
                found++;
            }
        }
        return found == prefix.size();
    }
}
