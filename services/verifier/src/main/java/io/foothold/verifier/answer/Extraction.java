package io.foothold.verifier.answer;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Takes the answer out of a response. In order: the last complete box; an anchored phrase ("the answer is …"); in evaluation
 * also the last line. In training only the box counts, so that the policy learns to give one.
 */
final class Extraction {
    /** Whether looser forms than the box count. */
    enum Mode {
        /** The box only. */
        TRAINING,
        /** Any documented form. */
        EVALUATION
    }

    /**
     * A candidate.
     *
     * @param text the answer
     * @param rule the rule that found it
     */
    record Candidate(String text, String rule) {}

    private static final Pattern PHRASE = Pattern.compile(
            "(?i)(?:final\\s+answer|answer)\\s*(?:is|:|=)\\s*:?\\s*([^\\n]{1,400}?)\\s*\\.?\\s*$", Pattern.MULTILINE);

    private Extraction() {}

    static Optional<Candidate> extract(String response, Mode mode) {
        Optional<Candidate> box = lastBox(response);
        if (box.isPresent() || mode == Mode.TRAINING) {
            return box;
        }
        Candidate phrase = null;
        for (Matcher m = PHRASE.matcher(response); m.find(); ) {
            phrase = new Candidate(m.group(1), "phrase");
        }
        if (phrase != null) {
            return Optional.of(phrase);
        }
        return response.lines()
                .map(String::strip)
                .filter(l -> !l.isEmpty())
                .reduce((a, b) -> b)
                .map(l -> new Candidate(l, "last line"));
    }

    /** The content of the last box whose braces are balanced. */
    private static Optional<Candidate> lastBox(String response) {
        for (int at = response.lastIndexOf("\\boxed{"); at >= 0; at = response.lastIndexOf("\\boxed{", at - 1)) {
            int depth = 0;
            for (int i = at + "\\boxed".length(); i < response.length(); i++) {
                char c = response.charAt(i);
                depth += c == '{' ? 1 : c == '}' ? -1 : 0;
                if (depth == 0) {
                    return Optional.of(new Candidate(response.substring(at + "\\boxed{".length(), i), "last box"));
                }
            }
            if (at == 0) {
                break;
            }
        }
        return Optional.empty();
    }
}
