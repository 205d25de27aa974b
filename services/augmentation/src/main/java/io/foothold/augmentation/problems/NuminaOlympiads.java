package io.foothold.augmentation.problems;

import java.util.regex.Pattern;

/**
 * Which boxed answers of NuminaMath-CoT's olympiads can be verified, as the SRPO paper's data has it (arXiv 2605.25507; the filter of its authors' code). The
 * order is Java's for the seed, so a split is not the authors' own.
 */
final class NuminaOlympiads {
    private static final int LONGEST_ANSWER = 60;
    private static final Pattern TEXT_MACRO =
            Pattern.compile("\\\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname|hbox)\\b");
    private static final Pattern COMMAND = Pattern.compile("\\\\[A-Za-z]+");
    private static final Pattern WORD = Pattern.compile("[A-Za-z]{3,}");
    private static final Pattern LETTER = Pattern.compile("[A-E]");
    private static final Pattern UNIT =
            Pattern.compile("%|\\\\circ|°|\\d\\s*(?:\\\\[,;: ]|~|\\s)*(?:mm|cm|dm|km|kg|mg|ml|m|g|s|h|l)(?:\\^|\\s*$)");

    private NuminaOlympiads() {}

    /** Why an answer cannot be verified; empty when it can. */
    static String reasonAgainst(String answer) {
        if (answer.isEmpty()) {
            return "no boxed answer";
        }
        if (answer.length() > LONGEST_ANSWER) {
            return "longer than 60 characters";
        }
        if (TEXT_MACRO.matcher(answer).find()) {
            return "text";
        }
        if (WORD.matcher(COMMAND.matcher(answer).replaceAll(" ")).find()) {
            return "words";
        }
        if (UNIT.matcher(answer).find()) {
            return "units or percent";
        }
        if (answer.chars().noneMatch(c -> c >= '0' && c <= '9')
                && !LETTER.matcher(answer).matches()) {
            return "no digit and no letter A to E";
        }
        return "";
    }

    /** What the last box holds, trimmed; empty without one whose braces close. */
    static String lastBoxed(String solution) {
        String open = "\\boxed{";
        int from = solution.lastIndexOf(open);
        if (from < 0) {
            return "";
        }
        int depth = 1;
        for (int i = from + open.length(); i < solution.length(); i++) {
            char c = solution.charAt(i);
            if (c == '\\') {
                i++;
            } else if (c == '{') {
                depth++;
            } else if (c == '}' && --depth == 0) {
                return solution.substring(from + open.length(), i).strip();
            }
        }
        return "";
    }
}
