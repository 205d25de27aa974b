package io.foothold.core.verdict;

import java.util.regex.Pattern;

/**
 * The tags between which a policy thinks before it answers. What it thinks is no answer. Many chat templates open the thought at
 * the end of the prompt, so that a response has the closing tag only: whoever reads such a response has to be told. Pure.
 */
public final class Thinking {
    /** Opens a thought. */
    public static final String OPEN = "<think>";
    /** Closes it. */
    public static final String CLOSE = "</think>";

    /** What chat templates write between two turns: a tag before it belongs to a turn that is over. */
    private static final Pattern TURN = Pattern.compile(
            "<\\||<\uff5c|\\|>|</s>|\\[/?INST]|<(?:start|end)_of_turn>|(?m:^\\s*###\\s|^\\s*(?:User|Human|Assistant):)");

    private Thinking() {}

    /**
     * Whether a prompt ends inside a thought: behind its last opening tag nothing closes it and no turn ends. A tag that a
     * sentence speaks of ("think between &lt;think&gt; tags, then …") opens nothing: with text behind it, it has to begin a line or
     * follow the mark of a turn.
     */
    public static boolean opensAtTheEndOf(String prompt) {
        int open = prompt.lastIndexOf(OPEN);
        if (open < 0) {
            return false;
        }
        String behind = prompt.substring(open + OPEN.length());
        if (behind.isBlank()) {
            return true;
        }
        return !behind.contains(CLOSE)
                && !TURN.matcher(behind).find()
                && (open == 0 || "\n>]\uff5c".indexOf(prompt.charAt(open - 1)) >= 0);
    }

    /** A response whose prompt ended inside a thought, as if it had opened the thought itself. */
    public static String continued(String response) {
        return OPEN + response;
    }
}
