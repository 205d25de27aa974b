package io.foothold.verifier.answer;

import io.foothold.core.verdict.Thinking;
import io.foothold.core.verdict.Turn;
import io.foothold.verifier.math.Budget;
import io.foothold.verifier.math.MathAnswers;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Takes the answer out of a response. The rules, in order; the first that finds something wins:
 *
 * <ol>
 *   <li>of a chat format's text only the one turn counts ({@link Turn}); what stands before {@code </think>} does not count, and
 *       nothing counts when a {@code <think>} never ends;
 *   <li>what is announced as the final answer behind the last box, when it holds one;
 *   <li>the last complete box, together with those right before it that only commas or an "and" part from it;
 *   <li>the content of the last {@code <answer>} tag;
 *   <li>the whole text, when it reads as mathematics;
 *   <li>the last announcement ("the answer is", "####", "答案：");
 *   <li>the last formula between delimiters, joined with its neighbours as boxes are;
 *   <li>the last number.
 * </ol>
 *
 * In training only the box counts, so that the policy learns to give one; other forms are options, see {@link Grading}.
 */
final class Extraction {
    /**
     * A candidate.
     *
     * @param text the answer
     * @param rule the rule that found it
     */
    record Candidate(String text, String rule) {}

    private static final int LONGEST_END = 1 << 14;
    private static final Pattern CODE = Pattern.compile(
            "(?<!\\w)__(?![A-Z][^_\\n]{0,60}__(?![\\w'\"(\\[.]))|\\blambda\\b|\\bimport\\b|\\beval\\(|\\bexec\\(|\\bopen\\(");
    private static final List<String> CODE_SIGNS = List.of("__", "lambda", "import", "eval(", "exec(", "open(");
    private static final int LAST_CHARACTERS = 300;
    private static final Pattern ANSWER_LINE = Pattern.compile("(?i)answer\\s*[:：]\\s*([^\\n]+)");
    private static final Pattern ANSWER_WORD = Pattern.compile("(?im)answer\\s*[:：]\\s*(\\S+?)[.,;!]?[ \\t]*$");
    private static final Pattern ONE_BOX = Pattern.compile("\\$?\\\\boxed\\{(.*)}\\$?\\.?");

    private Extraction() {}

    static Optional<Candidate> extract(String response, Grading grading, Budget budget) {
        Optional<String> said = said(response);
        if (said.isEmpty()) {
            return Optional.empty();
        }
        return switch (grading.form()) {
            case ANY ->
                Prose.concluding(said.get(), budget)
                        .or(() -> Boxes.last(said.get()))
                        .or(() -> loose(said.get(), budget));
            case BOX -> Boxes.last(said.get());
            case BOX_AT_THE_END -> Boxes.last(tail(said.get()));
            case BOX_AFTER_THINKING ->
                said.get().length() < response.length() ? Boxes.last(said.get()) : Optional.empty();
            case ANSWER_LINE -> last(ANSWER_LINE, tail(said.get())).map(Extraction::unboxed);
            case ANSWER_WORD -> last(ANSWER_WORD, end(said.get()));
            case BRACKETS -> brackets(end(said.get()));
            case PATTERN -> last(grading.pattern().orElseThrow(), new Metered(end(said.get()), budget));
        };
    }

    private static String tail(String text) {
        return text.substring(Math.max(0, text.length() - LAST_CHARACTERS));
    }

    /** The first group of the last match, or all of it. */
    private static Optional<Candidate> last(Pattern pattern, CharSequence text) {
        String found = null;
        for (Matcher m = pattern.matcher(text); m.find(); ) {
            found = m.groupCount() == 0 ? m.group() : m.group(1);
        }
        return found == null ? Optional.empty() : Optional.of(new Candidate(found.strip(), "pattern " + pattern));
    }

    /** What a box holds, when the candidate is one box. */
    private static Candidate unboxed(Candidate c) {
        Matcher m = ONE_BOX.matcher(c.text());
        return m.matches() ? new Candidate(m.group(1), c.rule()) : c;
    }

    private static Optional<Candidate> brackets(String text) {
        int close = text.lastIndexOf(']');
        int depth = 0;
        for (int i = close; i >= 0; i--) {
            depth += text.charAt(i) == ']' ? 1 : text.charAt(i) == '[' ? -1 : 0;
            if (depth == 0) {
                return Optional.of(new Candidate(text.substring(i + 1, close), "last brackets"));
            }
        }
        return Optional.empty();
    }

    /** A text whose reading costs, so that no pattern can search it for ever. */
    private record Metered(String text, Budget budget) implements CharSequence {
        @Override
        public int length() {
            return text.length();
        }

        @Override
        public char charAt(int index) {
            budget.spend(1);
            return text.charAt(index);
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.substring(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }

    private static Optional<Candidate> loose(String said, Budget budget) {
        String text = end(said);
        if (CODE_SIGNS.stream().anyMatch(text::contains) && CODE.matcher(text).find()) {
            return Optional.empty();
        }
        Optional<Candidate> tag = tag(text);
        if (tag.isPresent()) {
            return tag;
        }
        if (text.length() <= Prose.LONGEST_ANNOUNCED && MathAnswers.readable(text, budget)) {
            return Optional.of(new Candidate(text, "whole text"));
        }
        return Prose.announced(text, budget)
                .or(() -> Prose.concluded(text))
                .or(() -> Prose.formula(text, "last formula"))
                .or(() -> Prose.number(text, false).map(n -> new Candidate(n, "last number")));
    }

    /** The words of an answer: in the last box or tag, behind the last announcement, or the whole text. */
    static Candidate words(String response) {
        String all = said(response).orElse("");
        Optional<Candidate> box = Boxes.last(all);
        if (box.isPresent()) {
            return box.get();
        }
        String text = end(all);
        Optional<Candidate> tag = tag(text);
        if (tag.isPresent()) {
            return tag.get();
        }
        int from = -1;
        for (Matcher m = Prose.ANNOUNCED.matcher(text); m.find(); ) {
            from = m.end();
        }
        if (from >= 0) {
            return new Candidate(text.substring(from).lines().findFirst().orElse(""), "announced");
        }
        return new Candidate(text.strip(), "whole text");
    }

    private static Optional<Candidate> tag(String text) {
        int tag = text.lastIndexOf("<answer>");
        if (tag < 0) {
            return Optional.empty();
        }
        int end = text.indexOf("</answer>", tag);
        return Optional.of(
                new Candidate(text.substring(tag + "<answer>".length(), end < 0 ? text.length() : end), "answer tag"));
    }

    /** What a gold answer says: itself, or what a worked solution ends with. */
    static String gold(String raw, Budget budget) {
        String gold = Turn.of(raw);
        if (gold.contains("\\boxed") || gold.contains("\\fbox")) {
            Optional<Candidate> box = Boxes.last(gold, true);
            if (box.isPresent()) {
                return box.get().text();
            }
        }
        if (gold.length() <= Prose.LONGEST_ANNOUNCED && MathAnswers.readable(gold, budget)) {
            return gold;
        }
        return Prose.announced(gold, budget)
                .or(() -> Prose.formula(gold, "last formula"))
                .map(Candidate::text)
                .orElse(gold);
    }

    /** The part of a response that is meant to be read; empty when thinking never ended. */
    static Optional<String> said(String raw) {
        boolean opened = raw.startsWith(Thinking.OPEN);
        String response = Turn.of(opened ? raw.substring(Thinking.OPEN.length()) : raw);
        int thought = response.lastIndexOf(Thinking.CLOSE);
        if (thought >= 0) {
            String behind = response.substring(thought + Thinking.CLOSE.length());
            int again = behind.indexOf(Thinking.OPEN);
            return Optional.of(again < 0 ? behind : behind.substring(0, again));
        }
        int answer = response.lastIndexOf("###Response");
        if (answer >= 0) {
            return Optional.of(response.substring(answer + "###Response".length()));
        }
        return opened || response.contains(Thinking.OPEN) ? Optional.empty() : Optional.of(response);
    }

    /** The end of a long text: what is announced in its middle is no answer. */
    static String end(String text) {
        return text.substring(Math.max(0, text.length() - LONGEST_END));
    }
}
