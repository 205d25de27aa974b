package io.foothold.verifier.answer;

import io.foothold.core.verdict.Thinking;
import io.foothold.verifier.math.Budget;
import io.foothold.verifier.math.MathAnswers;
import java.util.ArrayDeque;
import java.util.ArrayList;
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

    private record Span(int from, int to, String content) {}

    private static final int LONGEST_ANNOUNCED = 400;
    private static final int MOST_WORDS = 14;
    private static final int MOST_JOINED = 64;
    private static final int LONGEST_END = 1 << 14;
    private static final List<String> BOXES = List.of("\\boxed", "\\fbox", "\\beginboxed");
    private static final Pattern DRESSING = Pattern.compile("\\\\q?quad|\\\\[()\\[\\]]|\\\\text|[$~{}]");
    private static final Pattern JOINT = Pattern.compile(
            "[\\s.]*(?:[,;]|[,;]?\\s*(?:[\\w()]+\\s+){0,5}(?:and|or))\\s*(?:[A-Za-z](?:_\\w+)?\\s*=\\s*)?");
    private static final Pattern CONCLUSION =
            Pattern.compile("(?=[thcTHC])(?i)(?:therefore|thus|hence|consequently)[^\\n]*?(?=$|\\.\\s|\\.$|\\n)");
    private static final Pattern BOLD = Pattern.compile("\\*\\*([^*\\n]{1,60})\\*\\*");
    private static final Pattern PERCENT_BEHIND =
            Pattern.compile("(?is)[\\s$]*(?:\\\\?%|percent|pct|percentage)(?:\\b|\\W|$).*");
    /** "Answer" in other languages. */
    static final String ANSWER_ELSEWHERE =
            "答案|答え|回答|解答|정답|réponse(?: finale)?|respuesta(?: final)?|antwort|resposta(?: final)?|risposta|ответ|відповідь|odpowiedź|cevap|yanıt|jawaban|đáp án"
                    + "|الإجابة|الجواب|उत्तर|উত্তর|คำตอบ|תשובה";

    /** The two characters that an announcement begins with: few places of a text pass. */
    private static final String ANNOUNCEMENT_BEGINS = "(?=[#acfjortyACFJORTY\\P{ASCII}][#adehinoADEHINO\\P{ASCII}])";

    private static final Pattern ANNOUNCED = Pattern.compile(ANNOUNCEMENT_BEGINS
            + "(?iu)(?:####|final answer[*_ \\t]*(?=\\n)|(?:final |correct )?answer(?:\\s+is(?:\\s*:)?|[*_]*\\s*[:=：])|the (?:result|value|solution) is|\\bresult\\s*:|(?:"
            + ANSWER_ELSEWHERE
            + ")(?:\\s*(?:是|为|est|es|ist|é|è)(?![a-z])\\s*:?|[*_]*\\s*[:：])|réponse)[\\s*:]*");
    private static final Pattern FINAL_WORDS = Pattern.compile("(?i)final\\W{1,4}answer");
    private static final Pattern FINAL = Pattern.compile(
            "(?i)final answer(?:,[^,.\\n]{1,40},)?(?:[*_ \\t]*(?:\\s+is(?:\\s*:)?|[:：=])|[*_ \\t]*(?=\\n))[\\s*:]*");
    /** A text that begins with words, so that letters of it are no factors. */
    private static final Pattern SENTENCE =
            Pattern.compile("[\\s*_]*[A-Za-z]{2,}(?:'s)?,? +[*_$]*(?:[A-Za-z]{2,}|\\d|a )");

    private static final Pattern CALLED_FINAL = Pattern.compile("(?i)\\b(?:is|be) (?:the|my|our) final answer\\b");
    private static final Pattern SENTENCE_END = Pattern.compile("[.!?](?=\\s|$)|\\n");
    /** Verbs that what is counted or measured follows. */
    private static final Pattern TELLING = Pattern.compile(
            "(?i)(?<![a-z])(?:is|are|was|were|be|has|have|had|gets?|got|gives?|leaves?|equals?|equal to|comes to|came to|amounts to|adds up to|makes?|made|earns?|earned|costs?|needs?|needed|takes?|took|"
                    + "spends?|spent|pays?|paid|saves?|saved|sells?|sold|buys?|bought|eats?|ate|travels?|runs?|ran|walks?|walked|contains?|receives?|received|uses?|used|collects?|total(?:s| of)?|"
                    + "remains?|left with|=|≈)[\\s*_]*(?:(?:about|exactly|only|a total of|approximately|still|now)\\s+)?[*_]*[$€£]?(?=[-+\u2212\\d½¼¾.])");

    private static final Pattern DENIED = Pattern.compile("(?i)(?:not|isn't|never|no longer)\\b.*", Pattern.DOTALL);
    private static final Pattern FORMULA = Pattern.compile(
            "(?s)(?=[$\\\\])(?:\\$\\$(.{1,1000}?)\\$\\$|(?<!\\\\)\\$([^$\\n]{1,1000}?)(?<!\\\\)\\$|\\\\\\[((?:(?!\\\\[\\[\\]]).){1,1000}+)\\\\]|\\\\\\(((?:(?!\\\\[()])[^\\n]){1,1000}+)\\\\\\))");
    /** Words between two signs of currency. */
    private static final Pattern PROSE = Pattern.compile("(?:^|[\\s?!.,])[A-Za-z]{3,} [A-Za-z]{3,}");

    private static final Pattern NUMBER = Pattern.compile(
            "(?=[-+\u2212\\d\\s*s\u00bd\u00bc\u00be])(?<![\\w.,])(?:-?\\d*\\s?\\*?\\s?sqrt\\([^()]{1,40}\\)(?:\\s?/\\s?\\d+)?|[-+\u2212]?(?:\\d{1,3}(?:,\\d{3})++|\\d+)(?:[.,]\\d+)?(?:[eE][-+]?\\d+)?(?:\\s?/\\s?\\d+)?[\u00bd\u00bc\u00be]?\\s?(?:\\\\?%|percent\\b|pct\\b)?|(?<!\\w)[-+\u2212]?[\u00bd\u00bc\u00be])");
    private static final Pattern FRACTION = Pattern.compile("-?\\\\[dt]?frac\\{[^{}]*}\\{[^{}]*}");
    private static final Pattern CODE = Pattern.compile(
            "(?<!\\w)__(?![A-Z][^_\\n]{0,60}__(?![\\w'\"(\\[.]))|\\blambda\\b|\\bimport\\b|\\beval\\(|\\bexec\\(|\\bopen\\(");
    private static final List<String> CODE_SIGNS = List.of("__", "lambda", "import", "eval(", "exec(", "open(");
    private static final int LAST_CHARACTERS = 300;
    private static final Pattern ANSWER_LINE = Pattern.compile("(?i)answer\\s*[:：]\\s*([^\\n]+)");
    private static final Pattern ANSWER_WORD = Pattern.compile("(?im)answer\\s*[:：]\\s*(\\S+?)[.,;!]?[ \\t]*$");
    private static final Pattern ONE_BOX = Pattern.compile("\\$?\\\\boxed\\{(.*)}\\$?\\.?");
    private static final String CHINESE = "零一二三四五六七八九";

    private Extraction() {}

    static Optional<Candidate> extract(String response, Grading grading, Budget budget) {
        Optional<String> said = said(response);
        if (said.isEmpty()) {
            return Optional.empty();
        }
        return switch (grading.form()) {
            case ANY ->
                concluding(said.get(), budget).or(() -> boxes(said.get())).or(() -> loose(said.get(), budget));
            case BOX -> boxes(said.get());
            case BOX_AT_THE_END -> boxes(tail(said.get()));
            case BOX_AFTER_THINKING -> said.get().length() < response.length() ? boxes(said.get()) : Optional.empty();
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
        if (text.length() <= LONGEST_ANNOUNCED && MathAnswers.readable(text, budget)) {
            return Optional.of(new Candidate(text, "whole text"));
        }
        return announced(text, budget)
                .or(() -> concluded(text))
                .or(() -> formula(text, "last formula"))
                .or(() -> number(text, false).map(n -> new Candidate(n, "last number")));
    }

    /** The words of an answer: in the last box or tag, behind the last announcement, or the whole text. */
    static Candidate words(String response) {
        String all = said(response).orElse("");
        Optional<Candidate> box = boxes(all);
        if (box.isPresent()) {
            return box.get();
        }
        String text = end(all);
        Optional<Candidate> tag = tag(text);
        if (tag.isPresent()) {
            return tag.get();
        }
        int from = -1;
        for (Matcher m = ANNOUNCED.matcher(text); m.find(); ) {
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
            Optional<Candidate> box = boxes(gold, true);
            if (box.isPresent()) {
                return box.get().text();
            }
        }
        if (gold.length() <= LONGEST_ANNOUNCED && MathAnswers.readable(gold, budget)) {
            return gold;
        }
        return announced(gold, budget)
                .or(() -> formula(gold, "last formula"))
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

    /** The last complete box and its close neighbours. */
    static Optional<Candidate> boxes(String text) {
        return boxes(text, false);
    }

    /**
     * The last complete box and its close neighbours.
     *
     * @param loosely whether a line break parts neighbours no more than a space does, as in a gold answer, which holds no second
     *     thoughts
     */
    private static Optional<Candidate> boxes(String text, boolean loosely) {
        List<Span> spans = spans(text);
        return spans.isEmpty() ? Optional.empty() : Optional.of(joined(text, spans, "last box", loosely));
    }

    /** The last complete boxes. Two passes at most, whatever is left open. */
    private static List<Span> spans(String text) {
        List<Span> spans = spans(text, true);
        int last = Math.max(text.lastIndexOf("\\boxed"), text.lastIndexOf("\\fbox"));
        if (last < 0 || (!spans.isEmpty() && spans.get(spans.size() - 1).from() >= last)) {
            return spans;
        }
        // The last box holds one printed brace of a pair, as systems of equations do.
        List<Span> others = spans(text, false);
        return !others.isEmpty() && others.get(others.size() - 1).from() >= last ? others : spans;
    }

    private static List<Span> spans(String text, boolean printed) {
        List<Span> spans = new ArrayList<>();
        ArrayDeque<Integer> open = new ArrayDeque<>();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && !printed && i + 1 < text.length()) {
                i++;
                continue;
            }
            if (c == '{') {
                open.push(i);
            } else if (c == '}' && !open.isEmpty()) {
                int from = open.pop();
                int command = command(text, from);
                if (command >= 0) {
                    spans.add(new Span(command, i + 1, text.substring(from + 1, i)));
                    if (spans.size() > 2 * MOST_JOINED) {
                        spans.subList(0, MOST_JOINED).clear();
                    }
                }
            }
        }
        return spans;
    }

    /** The answer that a text announces as final behind its last box; empty when it holds no box or announces none there. */
    private static Optional<Candidate> concluding(String text, Budget budget) {
        if (!(text.contains("inal") || text.contains("INAL"))
                || !FINAL_WORDS.matcher(end(text)).find()) {
            return Optional.empty();
        }
        List<Span> spans = spans(text);
        if (spans.isEmpty()) {
            return Optional.empty();
        }
        String behind = text.substring(spans.get(spans.size() - 1).to());
        Matcher m = FINAL.matcher(behind);
        int from = -1;
        while (m.find()) {
            from = m.end();
        }
        if (from >= 0) {
            return announced(behind, from, budget).filter(c -> !c.text().isBlank());
        }
        m = CALLED_FINAL.matcher(behind);
        int to = -1;
        while (m.find()) {
            to = m.start();
        }
        return to < 0 ? Optional.empty() : called(behind.substring(0, to));
    }

    /** What a text calls the final answer: the last formula or number before that, of the last sentence that has one. */
    private static Optional<Candidate> called(String before) {
        String[] sentences = SENTENCE_END.split(before);
        for (int i = sentences.length - 1; i >= 0; i--) {
            String sentence = sentences[i];
            Optional<Candidate> formula = formula(sentence, "called the final answer");
            if (formula.isPresent()) {
                return formula;
            }
            Optional<String> told = number(sentence, false);
            if (told.isPresent()) {
                return told.map(n -> new Candidate(n, "called the final answer"));
            }
        }
        return Optional.empty();
    }

    /** Where the box command begins whose brace is at {@code brace}; −1 when it is another brace. */
    private static int command(String text, int brace) {
        int end = brace;
        while (end > 0 && text.charAt(end - 1) == ' ') {
            end--;
        }
        for (String command : BOXES) {
            if (text.startsWith(command, end - command.length())) {
                return end - command.length();
            }
        }
        return -1;
    }

    /** The end of a long text: what is announced in its middle is no answer. */
    static String end(String text) {
        return text.substring(Math.max(0, text.length() - LONGEST_END));
    }

    /** The last span with those right before it. */
    private static Candidate joined(String text, List<Span> spans, String rule, boolean loosely) {
        Span last = spans.get(spans.size() - 1);
        List<String> parts = new ArrayList<>(List.of(last.content()));
        int from = last.from();
        for (int i = spans.size() - 2; i >= 0 && spans.get(i).to() <= from; i--) {
            String between = text.substring(spans.get(i).to(), from);
            if (between.length() > 70 || !(joins(between) || (loosely && adjacent(between)))) {
                break;
            }
            if (parts.size() == MOST_JOINED) {
                break;
            }
            parts.add(0, spans.get(i).content());
            from = spans.get(i).from();
        }
        String percent = PERCENT_BEHIND.matcher(text.substring(last.to())).matches() ? "%" : "";
        return parts.size() == 1
                ? new Candidate(last.content() + percent, rule)
                : new Candidate(String.join(" , ", parts) + percent, rule + ", " + parts.size() + " joined");
    }

    private static boolean joins(String between) {
        return JOINT.matcher(DRESSING.matcher(between).replaceAll(" ")).matches()
                || (between.indexOf('\n') < 0 && adjacent(between));
    }

    /** Whether nothing stands between two boxes but what dresses them. */
    private static boolean adjacent(String between) {
        return DRESSING.matcher(between.replace("\\\\", " ")).replaceAll(" ").isBlank();
    }

    private static Optional<Candidate> announced(String text, Budget budget) {
        Matcher m = ANNOUNCED.matcher(text);
        int from = -1;
        while (m.find()) {
            from = m.end();
        }
        return from < 0 ? Optional.empty() : announced(text, from, budget);
    }

    /** What is announced from a place on. */
    private static Optional<Candidate> announced(String text, int from, Budget budget) {
        String tail = text.substring(from, Math.min(text.length(), from + LONGEST_ANNOUNCED))
                .strip();
        if (DENIED.matcher(tail).matches()) {
            return Optional.of(new Candidate("", "said not to be the answer"));
        }
        int line = tail.indexOf('\n');
        String first = line < 0 || tail.startsWith("\\[") || tail.startsWith("$$") ? tail : tail.substring(0, line);
        int hope = first.indexOf(". I hope");
        if (hope > 0) {
            first = first.substring(0, hope);
        }
        int is = Math.max(first.lastIndexOf(" is "), first.lastIndexOf(" are "));
        if (is > 0) {
            Optional<String> said = readableStart(first.substring(first.indexOf(' ', is + 1)), budget);
            if (said.isPresent()) {
                return said.map(a -> new Candidate(a, "announced"));
            }
        }
        Optional<Candidate> formula = formula(first, "announced formula");
        if (formula.isPresent()) {
            return formula;
        }
        String said = first;
        if (SENTENCE.matcher(first).lookingAt()) {
            Optional<String> told = told(first);
            if (told.isPresent()) {
                return told.map(a -> new Candidate(a, "announced"));
            }
        }
        Optional<String> start = readableStart(first, budget);
        return start.or(() -> fraction(said)).or(() -> told(said)).map(a -> new Candidate(a, "announced"));
    }

    /** The number that a sentence tells: the last one right behind a verb, else the first. */
    private static Optional<String> told(String sentence) {
        Optional<String> told = Optional.empty();
        for (Matcher m = TELLING.matcher(sentence); m.find(); ) {
            Matcher number = NUMBER.matcher(sentence).region(m.end(), sentence.length());
            if (number.useTransparentBounds(true).lookingAt()) {
                told = Optional.of(number.group().strip());
            }
        }
        return told.or(() -> number(sentence, true));
    }

    /** The number of a concluding sentence behind the last formula. */
    private static Optional<Candidate> concluded(String text) {
        int behind = 0;
        for (Matcher m = FORMULA.matcher(text); m.find(); ) {
            behind = m.end();
        }
        String sentence = null;
        for (Matcher m = CONCLUSION.matcher(text).region(behind, text.length()); m.find(); ) {
            sentence = m.group();
        }
        if (sentence == null) {
            return Optional.empty();
        }
        String said = sentence;
        return emphasised(said).or(() -> number(said, false)).map(n -> new Candidate(n, "conclusion"));
    }

    /** The only number of a sentence that is set in bold. */
    private static Optional<String> emphasised(String sentence) {
        Optional<String> found = Optional.empty();
        for (Matcher m = BOLD.matcher(sentence); m.find(); ) {
            Optional<String> number = number(m.group(1), false);
            if (number.isPresent() && found.isPresent()) {
                return Optional.empty();
            }
            found = number.isPresent() ? number : found;
        }
        return found;
    }

    private static Optional<String> fraction(String text) {
        Matcher m = FRACTION.matcher(text);
        return m.find() ? Optional.of(m.group()) : Optional.empty();
    }

    /** The longest start of a few words that reads as mathematics. */
    private static Optional<String> readableStart(String text, Budget budget) {
        String s = text.replaceAll("^\\*\\*|\\*\\*.*$", "");
        List<Integer> ends = new ArrayList<>(List.of(s.length()));
        for (int i = s.length() - 1; i > 0; i--) {
            if (Character.isWhitespace(s.charAt(i)) && !Character.isWhitespace(s.charAt(i - 1))) {
                ends.add(i);
            }
        }
        int skipped = Math.max(0, ends.size() - MOST_WORDS);
        for (int end : ends.subList(skipped, ends.size())) {
            String start = s.substring(0, end).strip();
            if (!start.isEmpty() && MathAnswers.readable(start, budget)) {
                return Optional.of(start);
            }
        }
        return Optional.empty();
    }

    private static Optional<Candidate> formula(String text, String rule) {
        List<Span> spans = new ArrayList<>();
        for (Matcher m = FORMULA.matcher(text); m.find(); ) {
            for (int g = 1; g <= m.groupCount(); g++) {
                if (m.group(g) != null && !PROSE.matcher(m.group(g)).find()) {
                    spans.add(new Span(m.start(), m.end(), m.group(g)));
                }
            }
        }
        if (spans.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(joined(text, spans, rule, false));
    }

    private static Optional<String> number(String text, boolean first) {
        String found = null;
        for (Matcher m = NUMBER.matcher(text); m.find(); ) {
            found = m.group().strip();
            if (first) {
                break;
            }
        }
        if (found == null) {
            for (int i = 0; i < text.length(); i++) {
                int digit = CHINESE.indexOf(text.charAt(i));
                if (digit >= 0) {
                    found = Integer.toString(digit);
                }
            }
        }
        return Optional.ofNullable(found);
    }
}
