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
    private static final Pattern ANNOUNCED = Pattern.compile(
            "(?i)(?:(?:choose|pick|select|go with)(?: option| choice| answer)?(?=\\s)|(?:final |correct )?(?:answer(?:\\s+is)?|(?:choice|option)(?:\\s+selected)?(?=\\s*(?:is\\b|[:：])))(?:\\s*[:：]|\\s+is\\b)?|答案(?:是|为)?[:：]?|réponse(?:\\s+est)?\\s*:?)[\\s:：*]*");
    private static final String OPEN = "[\\s*\\[(（{$]*";
    private static final Pattern FIRST = Pattern.compile(
            OPEN
                    + "(?:\\\\text(?:bf|rm)?\\{\\s*\\(?|\\\\mathrm\\{)?([A-J]|[a-j](?=\\s*(?:$|[.,;)\\]}*\\n])))(?![A-Za-z'’-])[\\s})\\]）*]*");
    private static final Pattern NEXT =
            Pattern.compile("(?:[,，、&/;]|and\\b|和)" + OPEN + "([A-J])(?![A-Za-z'’-])[\\s})\\]）*]*");
    private static final Pattern SIDE_BY_SIDE = Pattern.compile("[A-J](?![A-Za-z'’-])");
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
        String text = LISTED.matcher(Extraction.end(said.get())).replaceAll(" ");
        Optional<Extraction.Candidate> box = Extraction.boxes(said.get());
        if (box.isPresent()) {
            return leading(box.get().text());
        }
        Set<String> announced = new TreeSet<>();
        for (Matcher m = ANNOUNCED.matcher(text); m.find(); ) {
            Set<String> here = leading(text.substring(m.end(), Math.min(text.length(), m.end() + 200)));
            if (!here.isEmpty() || m.group().matches("(?is).*(?:answer|答案).*[:：]\\s*")) {
                announced = here;
            }
        }
        if (!announced.isEmpty()) {
            return announced;
        }
        Matcher whole = FIRST.matcher(text);
        if (whole.lookingAt()
                && leadingEnd(text)
                        == text.strip().length()
                                + (text.length() - text.stripLeading().length())) {
            return leading(text);
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

    private static int leadingEnd(String text) {
        Matcher first = FIRST.matcher(text);
        if (!first.lookingAt()) {
            return -1;
        }
        int end = first.end();
        Matcher next = NEXT.matcher(text);
        while (next.region(end, text.length()).lookingAt()) {
            end = next.end();
        }
        return end;
    }

    /** The letters that a text begins with. */
    private static Set<String> leading(String text) {
        Matcher first = FIRST.matcher(text);
        if (!first.lookingAt()) {
            return new TreeSet<>();
        }
        Set<String> out = one(first.group(1));
        int end = first.end();
        Matcher next = NEXT.matcher(text);
        while (next.region(end, text.length()).lookingAt()) {
            out.add(next.group(1));
            end = next.end();
        }
        Matcher another = SIDE_BY_SIDE.matcher(text).region(end, text.length());
        return another.lookingAt() && !another.group().equals("A") ? new TreeSet<>() : out;
    }
}
