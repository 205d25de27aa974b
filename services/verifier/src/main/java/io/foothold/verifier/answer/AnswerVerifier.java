package io.foothold.verifier.answer;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Judges a response by the kind of its problem. Pure and thread-safe. */
public final class AnswerVerifier {
    private static final int LONGEST_RESPONSE = 1 << 20;
    private static final Pattern LETTER = Pattern.compile("(?<![A-Za-z])\\(?([A-Za-z])\\)?(?![A-Za-z])");

    private AnswerVerifier() {}

    /** The verdict on a response. */
    public static Verdict verify(ProblemKind kind, String gold, String response) {
        if (gold.isBlank()) {
            return Verdict.verifierError("the gold answer is empty");
        }
        if (response.length() > LONGEST_RESPONSE) {
            return Verdict.unparseable("response longer than " + LONGEST_RESPONSE + " characters");
        }
        return switch (kind) {
            case EXACT ->
                response.endsWith(gold) ? Verdict.pass(gold, "exact ending") : Verdict.fail("", "exact ending");
            case MATH, NUMERIC -> extracted(response, Extraction.Mode.TRAINING, c -> math(kind, gold, c));
            case TEXT -> extracted(response, Extraction.Mode.EVALUATION, c -> text(gold, c));
            case CHOICE -> extracted(response, Extraction.Mode.EVALUATION, c -> choice(gold, c));
        };
    }

    private interface Judge {
        Verdict judge(Extraction.Candidate candidate);
    }

    private static Verdict extracted(String response, Extraction.Mode mode, Judge judge) {
        Optional<Extraction.Candidate> candidate = Extraction.extract(response, mode);
        return candidate.isEmpty() ? Verdict.unparseable("no answer found") : judge.judge(candidate.get());
    }

    private static Verdict math(ProblemKind kind, String gold, Extraction.Candidate candidate) {
        Optional<ExactNumber> right = ExactNumber.parse(gold);
        Optional<ExactNumber> given = ExactNumber.parse(candidate.text());
        if (right.isPresent() && given.isPresent()) {
            return verdict(right.get().equals(given.get()), candidate, "exact value");
        }
        if (kind == ProblemKind.NUMERIC) {
            if (right.isEmpty()) {
                return Verdict.verifierError("the gold answer '" + gold + "' is not a number");
            }
            return Verdict.unparseable(candidate.rule() + ": '" + candidate.text() + "' is not a number");
        }
        String a = Normalise.latex(gold);
        String b = Normalise.latex(candidate.text());
        return verdict(a.equals(b), candidate, "equal text");
    }

    private static Verdict text(String gold, Extraction.Candidate candidate) {
        return verdict(Normalise.words(gold).equals(Normalise.words(candidate.text())), candidate, "equal words");
    }

    private static Verdict choice(String gold, Extraction.Candidate candidate) {
        TreeSet<String> right = letters(gold);
        TreeSet<String> given = letters(candidate.text());
        if (right.isEmpty()) {
            return Verdict.verifierError("the gold answer '" + gold + "' names no letter");
        }
        if (given.isEmpty()) {
            return Verdict.unparseable(candidate.rule() + ": no letter in '" + candidate.text() + "'");
        }
        return verdict(right.equals(given), candidate, "equal letters");
    }

    private static TreeSet<String> letters(String text) {
        TreeSet<String> out = new TreeSet<>();
        for (Matcher m = LETTER.matcher(Normalise.latex(text).replace(",", " ")); m.find(); ) {
            out.add(m.group(1).toUpperCase(Locale.ROOT));
        }
        return out;
    }

    private static Verdict verdict(boolean right, Extraction.Candidate candidate, String how) {
        String rule = candidate.rule() + ", " + how;
        return right ? Verdict.pass(candidate.text(), rule) : Verdict.fail(candidate.text(), rule);
    }
}
