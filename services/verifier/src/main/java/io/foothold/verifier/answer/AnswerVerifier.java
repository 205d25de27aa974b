package io.foothold.verifier.answer;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Turn;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.math.Budget;
import io.foothold.verifier.math.MathAnswers;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Judges a response by the kind of its problem. Pure and thread-safe. */
public final class AnswerVerifier {
    private static final int LONGEST_RESPONSE = 1 << 20;
    private static final int LONGEST_WORDS = 1 << 14;
    /** An answer that may hold the gold's words is no place to list everything. */
    private static final int LONGEST_CONTAINING = 300;
    /** Shorter words stand in any answer by chance. */
    private static final int SHORTEST_CONTAINED = 5;

    /** Marks that words of an answer do not have. */
    private static final Pattern LOOKS_LIKE_MATHEMATICS =
            Pattern.compile("\\\\(?!text|mathrm|mbox|textbf|mathbf|[ ,;!])|[{}^_=<>]|\\d\\s*[-+*/]|\\w\\s*[+*]");

    private AnswerVerifier() {}

    /** The verdict on a response of a policy in training: only the demanded form counts. */
    public static Verdict verify(ProblemKind kind, String gold, String response) {
        return verify(kind, gold, response, Grading.TRAINING);
    }

    /**
     * The verdict on a response.
     *
     * @param kind not CODE, which needs a sandbox
     */
    public static Verdict verify(ProblemKind kind, String gold, String response, Grading grading) {
        if (gold.isBlank()) {
            return Verdict.verifierError("the gold answer is empty");
        }
        if (response.length() > LONGEST_RESPONSE) {
            return Verdict.unparseable("response longer than " + LONGEST_RESPONSE + " characters");
        }
        if (Extraction.said(response).isEmpty()) {
            return Verdict.unparseable("the thinking never ended");
        }
        return limited(budget -> switch (kind) {
            case EXACT ->
                response.endsWith(gold) ? Verdict.pass(gold, "exact ending") : Verdict.fail("", "exact ending");
            case MATH -> extracted(response, grading, budget, c -> math(gold, c, grading, budget));
            case NUMERIC -> extracted(response, grading, budget, c -> numeric(gold, c, grading, budget));
            case TEXT -> text(gold, response, grading, budget);
            case CHOICE -> choice(gold, response, grading, budget);
            case COUNTDOWN -> Countdown.judge(gold, Extraction.words(response), budget);
            case CODE -> Verdict.verifierError("programs are judged in a sandbox");
        });
    }

    /** Compares an answer that needs no extraction. */
    public static Verdict compare(String gold, String answer, Grading grading) {
        String given = Turn.of(answer);
        return limited(budget -> verdict(
                MathAnswers.same(
                        gold.contains("\\boxed") || gold.contains("\\fbox")
                                ? Extraction.gold(gold, budget)
                                : Turn.of(gold),
                        given,
                        grading.policy(),
                        budget),
                new Extraction.Candidate(given, "as given"),
                "equal value"));
    }

    /**
     * What is wrong with a gold answer, without any response; empty when it can be judged by.
     *
     * @param kind not CODE
     */
    public static Optional<String> fault(ProblemKind kind, String gold) {
        if (gold.isBlank()) {
            return Optional.of("the gold answer is empty");
        }
        Budget budget = new Budget();
        try {
            return switch (kind) {
                case MATH ->
                    MathAnswers.readable(Extraction.gold(gold, budget), budget)
                                    || !LOOKS_LIKE_MATHEMATICS.matcher(gold).find()
                            ? Optional.empty()
                            : Optional.of("the gold answer '" + gold + "' does not read as mathematics");
                case NUMERIC ->
                    MathAnswers.isNumber(gold, budget)
                            ? Optional.empty()
                            : Optional.of("the gold answer '" + gold + "' is not a number");
                case CHOICE ->
                    Letters.ofGold(gold).isEmpty()
                            ? Optional.of("the gold answer '" + gold + "' names no letter")
                            : Optional.empty();
                case COUNTDOWN ->
                    Countdown.judge(gold, new Extraction.Candidate("1", "probe"), budget)
                                            .kind()
                                    == Verdict.Kind.VERIFIER_ERROR
                            ? Optional.of("the gold answer '" + gold + "' is no countdown: expected numbers and target")
                            : Optional.empty();
                case TEXT, EXACT, CODE -> Optional.empty();
            };
        } catch (Budget.Spent | Budget.Fused e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    private interface Limited {
        Verdict judge(Budget budget);
    }

    private static Verdict limited(Limited judge) {
        try {
            return judge.judge(new Budget());
        } catch (Budget.Spent e) {
            return Verdict.unparseable(String.valueOf(e.getMessage()));
        } catch (Budget.Fused e) {
            return Verdict.timeout(String.valueOf(e.getMessage()));
        }
    }

    private interface Judge {
        Verdict judge(Extraction.Candidate candidate);
    }

    private static Verdict extracted(String response, Grading grading, Budget budget, Judge judge) {
        Optional<Extraction.Candidate> candidate = Extraction.extract(response, grading, budget);
        return candidate.isEmpty() ? Verdict.unparseable("no answer found") : judge.judge(candidate.get());
    }

    private static Verdict math(String gold, Extraction.Candidate candidate, Grading grading, Budget budget) {
        String right = grading.form() == Grading.Form.BOX && !gold.contains("\\boxed")
                ? Turn.of(gold)
                : Extraction.gold(gold, budget);
        return verdict(MathAnswers.same(right, candidate.text(), grading.policy(), budget), candidate, "equal value");
    }

    private static Verdict numeric(String gold, Extraction.Candidate candidate, Grading grading, Budget budget) {
        if (!MathAnswers.isNumber(gold, budget)) {
            return Verdict.verifierError("the gold answer '" + gold + "' is not a number");
        }
        if (!MathAnswers.isNumber(candidate.text(), budget)) {
            return Verdict.unparseable(candidate.rule() + ": '" + candidate.text() + "' is not a number");
        }
        return verdict(MathAnswers.same(gold, candidate.text(), grading.policy(), budget), candidate, "equal number");
    }

    /** The whole text, or what it announces, in the gold's words. */
    private static Verdict text(String gold, String response, Grading grading, Budget budget) {
        String right = Normalise.words(gold);
        if (demanded(grading)) {
            return extracted(
                    response,
                    grading,
                    budget,
                    c -> verdict(
                            c.text().length() <= LONGEST_WORDS && right.equals(Normalise.words(c.text())),
                            c,
                            "equal words"));
        }
        Extraction.Candidate taken = Extraction.words(response);
        if (taken.text().isBlank()) {
            return Verdict.unparseable("no answer found");
        }
        String said = Extraction.said(response).orElse("");
        if (said.length() < LONGEST_WORDS && right.equals(Normalise.words(said))) {
            return verdict(true, new Extraction.Candidate(response.strip(), "whole text"), "equal words");
        }
        String given = Normalise.words(taken.text());
        if (grading.policy().has(MathAnswers.Rule.CONTAINED)
                && right.length() >= SHORTEST_CONTAINED
                && taken.text().length() <= LONGEST_CONTAINING) {
            return verdict((" " + given + " ").contains(" " + right + " "), taken, "contained words");
        }
        return verdict(taken.text().length() <= LONGEST_WORDS && right.equals(given), taken, "equal words");
    }

    /** Whether the options name a form; words and letters are otherwise taken wherever they stand. */
    private static boolean demanded(Grading grading) {
        return grading.form() != Grading.Form.ANY && grading.form() != Grading.Form.BOX;
    }

    private static Verdict choice(String gold, String response, Grading grading, Budget budget) {
        if (LetterScripts.cyrillic(gold) && LetterScripts.cyrillic(response)) {
            // Of one alphabet on both sides the second and the third letter are two, however the third looks.
            return choice(LetterScripts.inOrder(gold), LetterScripts.inOrder(response), grading, budget);
        }
        Set<String> right = Letters.ofGold(gold);
        if (right.isEmpty()) {
            return Verdict.verifierError("the gold answer '" + gold + "' names no letter");
        }
        String text = response;
        if (demanded(grading)) {
            text = Extraction.extract(response, grading, budget)
                    .map(Extraction.Candidate::text)
                    .orElse("");
        }
        Set<String> given = Letters.of(text);
        if (given.isEmpty()) {
            given = Letters.ofTexts(Extraction.words(text).text(), grading.choices());
        }
        if (given.isEmpty()
                || !(grading.letters().isEmpty() || grading.letters().containsAll(given))
                || !(grading.choices().isEmpty() || grading.choices().keySet().containsAll(given))) {
            return Verdict.unparseable("no letter chosen");
        }
        return verdict(
                right.equals(given), new Extraction.Candidate(String.join(",", given), "letters"), "equal letters");
    }

    private static Verdict verdict(boolean right, Extraction.Candidate candidate, String how) {
        String rule = candidate.rule() + ", " + how;
        return right ? Verdict.pass(candidate.text(), rule) : Verdict.fail(candidate.text(), rule);
    }
}
