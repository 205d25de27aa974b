package io.foothold.core.verdict;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The one turn that a decoded response is, without the special tokens of its chat format: those that open a turn are dropped at its
 * beginning, at the first that ends or opens another one the turn is over. Of formats with channels only the final one is the
 * turn. Pure.
 */
public final class Turn {
    private static final Pattern OPENING = Pattern.compile(
            "\\s*(?:<\\|im_start\\|>(?:\\s*assistant)?|<\\|start_header_id\\|>\\s*assistant\\s*<\\|end_header_id\\|>|<\\|start\\|>assistant"
                    + "|<\\|(?:assistant|begin_of_text|startoftext|endoftext|bos|begin\u2581of\u2581sentence)\\|>"
                    + "|<\uff5c(?:begin\u2581of\u2581sentence|Assistant)\uff5c>|<s>|<bos>|<start_of_turn>(?:\\s*model)?|\\[/INST])\\s*");
    /** {@code </s>} and the like may stand inside a program or a text: they end a turn at the end of a line only. */
    private static final Pattern ENDING = Pattern.compile(
            "(?=[<\\[])(?:<\\|[A-Za-z_\u2581][\\w\u2581]{1,40}\\|>|<\uff5c[^\uff5c<>]{2,40}\uff5c>"
                    + "|(?:</s>|<eos>|<pad>|<bos>|<end_of_turn>|<start_of_turn>|<end_of_text>|\\[/?INST])(?=\\s*(?:$|[\\r\\n<\\[])))");

    private static final String FINAL = "<|channel|>final<|message|>";
    private static final String CHANNEL = "<|channel|>";

    private Turn() {}

    /** The turn in a decoded response; of a turn it is the turn itself. */
    public static String of(String response) {
        if (response.indexOf('<') < 0 && response.indexOf('[') < 0) {
            return response;
        }
        int last = response.lastIndexOf(FINAL);
        String turn = last >= 0 ? response.substring(last + FINAL.length()) : response;
        int from = 0;
        for (Matcher m = OPENING.matcher(turn); m.region(from, turn.length()).lookingAt(); ) {
            from = m.end();
        }
        if (last < 0 && turn.startsWith(CHANNEL, from)) {
            return "";
        }
        Matcher end = ENDING.matcher(turn);
        return turn.substring(from, end.find(from) ? end.start() : turn.length());
    }
}
