package io.foothold.verifier.answer;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The letters that a response to a multiple choice gives, A to J. In order: the last box; the last announcement; a text that is
 * letters only, or begins with one and a mark; the last letter in brackets; the last letter that stands alone. Letters that are
 * only listed side by side ({@code A B C D}) choose nothing.
 */
final class Letters {
    private static final Pattern ANNOUNCED =
            Pattern.compile("(?iu)(?:(?:choose|pick|select|go with)(?: option| choice| answer)?(?=\\s)"
                    + "|(?:final |correct )?(?:answers?(?:\\s+(?:is|are))?|(?:choices?|options?)(?:\\s+selected)?(?=\\s*(?:is\\b|are\\b|[:：])))(?:\\s*[:：]|\\s+(?:is|are)\\b)?"
                    + "|选择?(?!项)"
                    + "|(?:" + Prose.ANSWER_ELSEWHERE + ")(?:\\s*(?:是|为|est|es|ist|is|é|è|:|：))*)[\\s:：*]*");
    private static final Pattern DEMANDING =
            Pattern.compile("(?isu).*(?:answer|" + Prose.ANSWER_ELSEWHERE + ").*[:：]\\s*");
    private static final String OPEN =
            "(?:[\\s*]*(?:\\\\(?:text(?:bf|rm)?|mathrm|mathbf)\\{\\s*)?(?i:both|either|only|options?|choices?|letters?|answers?|选项)(?![A-Za-z]))?[\\s*\\[(（{$\"']*";
    private static final Pattern FIRST = Pattern.compile(
            OPEN
                    + "(?:\\\\text(?:bf|rm)?\\{\\s*\\(?|\\\\mathrm\\{)?([A-J]|[a-j](?=\\s*(?:$|[.,;)\\]}*\\n])))(?![A-Za-z'’-])[\\s})\\]）*]*");
    /** Several letters without anything between them, none of them twice. */
    private static final Pattern RUN = Pattern.compile(
            OPEN
                    + "(?:\\\\text(?:bf|rm)?\\{\\s*\\(?|\\\\mathrm\\{)?(?![A-J]*([A-J])[A-J]*\\1)([A-J]{2,10})(?![A-Za-z'’-])[\\s})\\]）*]*");
    /** What may follow an A that is a letter; before other words it is the article. */
    private static final Pattern ARTICLE = Pattern.compile(
            "A[ \\t]+(?!(?:is|are|was|because|since|as|and|or|which|with|due|for|from|but|not|in|seems|would|must|has|holds|by|given|here)\\b)[A-Za-z]{2,}");

    private static final String DRESSED = "[\\s*\\[(（{}$\"']*";
    private static final String LETTER = DRESSED + "[A-J](?![A-Za-z'’-])" + "[)\\]）}*\"'$]*";
    /** Letters that a text says are not the answer. */
    private static final Pattern DENIED = Pattern.compile(
            "(?:(?i:\\b(?:not|never|neither|nor|cannot be|can't be|isn't|aren't|wasn't|rul(?:e|es|ed|ing) out"
                    + "|eliminat(?:e|es|ed|ing)|exclud(?:e|es|ed|ing)|except(?: for)?|anything but|other than|rather than|instead of)\\b"
                    + "(?:[\\s}]+(?:be|is|the|an?|option|options|choice|choices|answer|letter|choose|pick|select|correct|simply|just)\\b){0,4})|(?i:\\b(?:don't|do not|doesn't|does not|wouldn't|would not) (?:think|believe|choose|pick|say)(?: (?:that )?(?:it|this|the answer)(?: is|'s| should be)?)?\\b)|(?i:\\b(?:wrong|incorrect|a mistake) to (?:choose|pick|select|say)\\b)|(?iu:\\b(?:no (?:es|son)|n'est pas|ne sont pas|nicht|não é|non è|не)(?![\\p{L}]))|不是|不选|不能选|排除|并非)"
                    + LETTER + "(?:\\s*(?:,|、|/|(?i:\\b(?:or|and|nor)\\b)|或|和)++" + LETTER + ")*+"
                    + "|" + LETTER + "(?:\\s*(?:,|、|/|(?i:\\b(?:and|or|both|all)\\b)|和)++" + LETTER
                    + ")++\\s*(?:(?i:(?:both |all )?(?:are|were)(?:n't|\\s+(?:both |all |also |clearly )?(?:not|wrong|incorrect|false|impossible|out|eliminated|excluded|ruled out|invalid|unlikely|improbable|implausible|inconsistent)))\\b|都不|都是错)"
                    + "|" + LETTER
                    + "\\s*(?:(?i:(?:is|are|was|were|seems|looks)(?:n't| not|\\s+(?:also |clearly |obviously |definitely |therefore |thus |the |an? ){0,2}(?:not|wrong|incorrect|false|impossible|out|eliminated|excluded|ruled out|invalid|unlikely|improbable|implausible|inconsistent))"
                    + "|can(?:not|'t| not) be|does(?:n't| not))\\b|不对|不正确|错误|是错)");

    private static final String AGAIN = OPEN + "([A-J])(?![A-Za-z'’-])[\\s})\\]）*]*";
    private static final Pattern NEXT = Pattern.compile(
            "(?:[,，、&/;+]|\\\\?&|and\\b|or\\b|as well as\\b|(?:и|или|und|oder|et|ou)(?!\\p{L})|和|或|(?=[\\[(（][\\s*]*[A-J][\\s*]*[)\\]）]))+"
                    + AGAIN);
    /** In a box letters need no sign between them. */
    private static final Pattern NEXT_IN_A_BOX =
            Pattern.compile("(?:[,，、&/;+]|\\\\[,;: ]|\\\\?&|and\\b|or\\b|和|或|~)*" + AGAIN);

    private static final Pattern SIDE_BY_SIDE = Pattern.compile("[A-J](?![A-Za-z'’-])");
    /** What may follow letters that a text is all about. */
    private static final Pattern CONFIRMED = Pattern.compile(
            "(?i)\\s*(?:(?:is|are)\\s+(?:both\\s+|all\\s+)?(?:the\\s+)?(?:correct|right|true|valid)(?:\\s+(?:answers?|options?|choices?))?)?[\\s.!]*");

    private static final Pattern LINE_OF_LETTERS =
            Pattern.compile("[ \\t*]*([A-J](?:[ \\t]+[A-J]){1,9})[ \\t*.!]*(?:$|\\n)");
    private static final Pattern LISTED = Pattern.compile("(?<![A-Za-z'’-])[A-J](?:[ \\t]+[A-J](?![A-Za-z'’-])){2,}");
    private static final Pattern BEGINNING =
            Pattern.compile("^[\\s*(]*([A-J])(?:[.):。、,]|\\s*\\*\\*|\\s+is\\b).*", Pattern.DOTALL);
    private static final Pattern BRACKETED = Pattern.compile("[(\\[（]([A-J])[)\\]）]");
    private static final Pattern ALONE =
            Pattern.compile("(?<![A-Za-z'’-])([B-HJ])(?![A-Za-z'’-])|(?<![A-Za-z'’-])(A)(?=\\s*(?:[.,;!]|$|is\\b))");

    private Letters() {}

    /** The letters of a gold answer: also of one that has the option's text behind its letter. */
    static Set<String> ofGold(String gold) {
        Set<String> out = of(gold);
        Matcher start = Pattern.compile("^\\s*([A-J])\\s+\\S.*", Pattern.DOTALL).matcher(gold);
        if (out.isEmpty() && start.matches()) {
            out.add(start.group(1));
        }
        return out;
    }

    /** The letters of a response; empty when it gives none. */
    static Set<String> of(String response) {
        Optional<String> said = Extraction.said(response);
        if (said.isEmpty()) {
            return new TreeSet<>();
        }
        Optional<Extraction.Candidate> box = Boxes.last(said.get());
        if (box.isPresent()) {
            return lead(claimed(Extraction.end(box.get().text())), NEXT_IN_A_BOX)
                    .letters();
        }
        String all = claimed(Extraction.end(said.get()));
        String text = LISTED.matcher(all).replaceAll(" ");
        Set<String> announced = new TreeSet<>();
        for (Matcher m = ANNOUNCED.matcher(all); m.find(); ) {
            Set<String> here = announced(all.substring(m.end(), Math.min(all.length(), m.end() + 200)));
            if (!here.isEmpty() || DEMANDING.matcher(m.group()).matches()) {
                announced = here;
            }
        }
        if (!announced.isEmpty()) {
            return announced;
        }
        Lead whole = lead(text, NEXT);
        if (!whole.letters().isEmpty()
                && CONFIRMED.matcher(text.substring(whole.end())).matches()) {
            return whole.letters();
        }
        Matcher beginning = BEGINNING.matcher(text);
        if (beginning.matches()) {
            return one(beginning.group(1));
        }
        return last(BRACKETED, text)
                .or(() -> last(ALONE, text))
                .map(Letters::one)
                .orElseGet(TreeSet::new);
    }

    /** The letter of the only option whose text an answer is. */
    static Set<String> ofTexts(String answer, Map<String, String> choices) {
        String said = Normalise.words(answer);
        Set<String> out = new TreeSet<>();
        choices.forEach((letter, text) -> {
            if (!said.isEmpty() && said.equals(Normalise.words(text))) {
                out.add(letter);
            }
        });
        return out.size() == 1 ? out : new TreeSet<>();
    }

    private static Set<String> one(String letter) {
        Set<String> out = new TreeSet<>();
        out.add(letter.toUpperCase(Locale.ROOT));
        return out;
    }

    private static Optional<String> last(Pattern pattern, String text) {
        String found = null;
        for (Matcher m = pattern.matcher(text); m.find(); ) {
            for (int g = 1; g <= m.groupCount(); g++) {
                found = m.group(g) == null ? found : m.group(g);
            }
        }
        return Optional.ofNullable(found);
    }

    /** Latin letters, without those that are denied. */
    private static String claimed(String text) {
        return DENIED.matcher(LetterScripts.latin(text)).replaceAll(" \u00b7 ");
    }

    /**
     * The letters that a text begins with.
     *
     * @param end where the text goes on behind them
     */
    private record Lead(Set<String> letters, int end) {}

    /** The letters of an announcement; with spaces between them only when the line has nothing else. */
    private static Set<String> announced(String text) {
        Matcher line = LINE_OF_LETTERS.matcher(text);
        if (line.lookingAt()) {
            Set<String> out = new TreeSet<>();
            line.group(1).chars().filter(Character::isUpperCase).forEach(c -> out.add(Character.toString(c)));
            return out;
        }
        return leading(LISTED.matcher(text).replaceAll(" "));
    }

    private static Set<String> leading(String text) {
        return lead(text, NEXT).letters();
    }

    private static Lead lead(String text, Pattern joint) {
        Matcher first = RUN.matcher(text);
        Set<String> out = new TreeSet<>();
        if (first.lookingAt()) {
            first.group(2).chars().forEach(c -> out.add(Character.toString(c)));
        } else {
            first = FIRST.matcher(text);
            if (!first.lookingAt()
                    || ARTICLE.matcher(text)
                            .region(first.start(1), text.length())
                            .lookingAt()) {
                return new Lead(out, 0);
            }
            out.addAll(one(first.group(1)));
        }
        int end = first.end();
        Matcher next = joint.matcher(text);
        while (next.region(end, text.length()).lookingAt()) {
            out.add(next.group(1));
            end = next.end();
        }
        Matcher another = SIDE_BY_SIDE.matcher(text).region(end, text.length());
        return another.lookingAt() && !another.group().equals("A") ? new Lead(new TreeSet<>(), 0) : new Lead(out, end);
    }
}
