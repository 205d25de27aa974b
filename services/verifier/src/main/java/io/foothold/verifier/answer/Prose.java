package io.foothold.verifier.answer;

import io.foothold.verifier.math.Budget;
import io.foothold.verifier.math.MathAnswers;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What sentences say: what they announce, conclude or end with, in formulas and numbers. */
final class Prose {
    static final int LONGEST_ANNOUNCED = 400;
    private static final int MOST_WORDS = 14;
    private static final Pattern CONCLUSION =
            Pattern.compile("(?=[thcTHC])(?i)(?:therefore|thus|hence|consequently)[^\\n]*?(?=$|\\.\\s|\\.$|\\n)");
    private static final Pattern BOLD = Pattern.compile("\\*\\*([^*\\n]{1,60})\\*\\*");
    /** "Answer" in other languages. */
    static final String ANSWER_ELSEWHERE =
            "答案|答え|回答|解答|정답|réponse(?: finale)?|respuesta(?: final)?|antwort|resposta(?: final)?|risposta|ответ|відповідь|odpowiedź|cevap|yanıt|jawaban|đáp án"
                    + "|الإجابة|الجواب|उत्तर|উত্তর|คำตอบ|תשובה";
    /** The two characters that an announcement begins with: few places of a text pass. */
    private static final String ANNOUNCEMENT_BEGINS = "(?=[#acfjortyACFJORTY\\P{ASCII}][#adehinoADEHINO\\P{ASCII}])";

    static final Pattern ANNOUNCED = Pattern.compile(ANNOUNCEMENT_BEGINS
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
    private static final String CHINESE = "零一二三四五六七八九";

    private Prose() {}

    /** The answer that a text announces as final behind its last box; empty when it holds no box or announces none there. */
    static Optional<Extraction.Candidate> concluding(String text, Budget budget) {
        if (!(text.contains("inal") || text.contains("INAL"))
                || !FINAL_WORDS.matcher(Extraction.end(text)).find()) {
            return Optional.empty();
        }
        List<Boxes.Span> spans = Boxes.spans(text);
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
    private static Optional<Extraction.Candidate> called(String before) {
        String[] sentences = SENTENCE_END.split(before);
        for (int i = sentences.length - 1; i >= 0; i--) {
            String sentence = sentences[i];
            Optional<Extraction.Candidate> formula = formula(sentence, "called the final answer");
            if (formula.isPresent()) {
                return formula;
            }
            Optional<String> told = number(sentence, false);
            if (told.isPresent()) {
                return told.map(n -> new Extraction.Candidate(n, "called the final answer"));
            }
        }
        return Optional.empty();
    }

    static Optional<Extraction.Candidate> announced(String text, Budget budget) {
        Matcher m = ANNOUNCED.matcher(text);
        int from = -1;
        while (m.find()) {
            from = m.end();
        }
        return from < 0 ? Optional.empty() : announced(text, from, budget);
    }

    /** What is announced from a place on. */
    private static Optional<Extraction.Candidate> announced(String text, int from, Budget budget) {
        String tail = text.substring(from, Math.min(text.length(), from + LONGEST_ANNOUNCED))
                .strip();
        if (DENIED.matcher(tail).matches()) {
            return Optional.of(new Extraction.Candidate("", "said not to be the answer"));
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
                return said.map(a -> new Extraction.Candidate(a, "announced"));
            }
        }
        Optional<Extraction.Candidate> formula = formula(first, "announced formula");
        if (formula.isPresent()) {
            return formula;
        }
        String said = first;
        if (SENTENCE.matcher(first).lookingAt()) {
            Optional<String> told = told(first);
            if (told.isPresent()) {
                return told.map(a -> new Extraction.Candidate(a, "announced"));
            }
        }
        Optional<String> start = readableStart(first, budget);
        return start.or(() -> fraction(said)).or(() -> told(said)).map(a -> new Extraction.Candidate(a, "announced"));
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
    static Optional<Extraction.Candidate> concluded(String text) {
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
        return emphasised(said).or(() -> number(said, false)).map(n -> new Extraction.Candidate(n, "conclusion"));
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

    static Optional<Extraction.Candidate> formula(String text, String rule) {
        List<Boxes.Span> spans = new ArrayList<>();
        for (Matcher m = FORMULA.matcher(text); m.find(); ) {
            for (int g = 1; g <= m.groupCount(); g++) {
                if (m.group(g) != null && !PROSE.matcher(m.group(g)).find()) {
                    spans.add(new Boxes.Span(m.start(), m.end(), m.group(g)));
                }
            }
        }
        if (spans.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(Boxes.joined(text, spans, rule, false));
    }

    static Optional<String> number(String text, boolean first) {
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
