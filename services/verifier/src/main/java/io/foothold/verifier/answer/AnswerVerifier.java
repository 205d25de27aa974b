package io.foothold.verifier.answer;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.math.Budget;
import io.foothold.verifier.math.MathAnswers;
import java.util.Optional;
import java.util.Set;

/** Judges a response by the kind of its problem. Pure and thread-safe. */
public final class AnswerVerifier {
    private static final int LONGEST_RESPONSE = 1 << 20;
    private static final int LONGEST_WORDS = 1 << 14;

    private AnswerVerifier() {}

    /** The verdict on a response of a policy in training: only the demanded form counts. */
    public static Verdict verify(ProblemKind kind, String gold, String response) {
        return verify(kind, gold, response, false);
    }

    /**
     * The verdict on a response.
     *
     * @param lenient whether any documented form of an answer counts, as evaluation wants it, or the box only
     */
    public static Verdict verify(ProblemKind kind, String gold, String response, boolean lenient) {
        if (gold.isBlank()) {
            return Verdict.verifierError("the gold answer is empty");
        }
        if (response.length() > LONGEST_RESPONSE) {
            return Verdict.unparseable("response longer than " + LONGEST_RESPONSE + " characters");
        }
        Extraction.Mode mode = lenient ? Extraction.Mode.EVALUATION : Extraction.Mode.TRAINING;
        Budget budget = new Budget();
        try {
            return switch (kind) {
                case EXACT ->
                    response.endsWith(gold) ? Verdict.pass(gold, "exact ending") : Verdict.fail("", "exact ending");
                case MATH -> extracted(response, mode, budget, c -> math(gold, c, lenient, budget));
                case NUMERIC -> extracted(response, mode, budget, c -> numeric(gold, c, budget));
                case TEXT -> text(gold, response);
                case CHOICE -> choice(gold, response);
                case COUNTDOWN -> Countdown.judge(gold, Extraction.words(response), budget);
            };
        } catch (Budget.Spent e) {
            return Verdict.unparseable(String.valueOf(e.getMessage()));
        }
    }

    /** Compares an answer that needs no extraction. */
    public static Verdict compare(String gold, String answer) {
        Budget budget = new Budget();
        try {
            return math(gold, new Extraction.Candidate(answer, "as given"), false, budget);
        } catch (Budget.Spent e) {
            return Verdict.unparseable(String.valueOf(e.getMessage()));
        }
    }

    private interface Judge {
        Verdict judge(Extraction.Candidate candidate);
    }

    private static Verdict extracted(String response, Extraction.Mode mode, Budget budget, Judge judge) {
        Optional<Extraction.Candidate> candidate = Extraction.extract(response, mode, budget);
        return candidate.isEmpty() ? Verdict.unparseable("no answer found") : judge.judge(candidate.get());
    }

    private static Verdict math(String gold, Extraction.Candidate candidate, boolean worked, Budget budget) {
        String right = worked ? Extraction.gold(gold, budget) : gold;
        return verdict(MathAnswers.same(right, candidate.text(), budget), candidate, "equal value");
    }

    private static Verdict numeric(String gold, Extraction.Candidate candidate, Budget budget) {
        if (!MathAnswers.isNumber(gold, budget)) {
            return Verdict.verifierError("the gold answer '" + gold + "' is not a number");
        }
        if (!MathAnswers.isNumber(candidate.text(), budget)) {
            return Verdict.unparseable(candidate.rule() + ": '" + candidate.text() + "' is not a number");
        }
        return verdict(MathAnswers.same(gold, candidate.text(), budget), candidate, "equal number");
    }

    /** The whole text, or what it announces, in the gold's words. */
    private static Verdict text(String gold, String response) {
        String right = Normalise.words(gold);
        Extraction.Candidate taken = Extraction.words(response);
        if (taken.text().isBlank()) {
            return Verdict.unparseable("no answer found");
        }
        String said = Extraction.said(response).orElse("");
        if (said.length() < LONGEST_WORDS && right.equals(Normalise.words(said))) {
            return verdict(true, new Extraction.Candidate(response.strip(), "whole text"), "equal words");
        }
        return verdict(
                taken.text().length() <= LONGEST_WORDS && right.equals(Normalise.words(taken.text())),
                taken,
                "equal words");
    }

    private static Verdict choice(String gold, String response) {
        Set<String> right = Letters.ofGold(gold);
        Set<String> given = Letters.of(response);
        if (right.isEmpty()) {
            return Verdict.verifierError("the gold answer '" + gold + "' names no letter");
        }
        if (given.isEmpty()) {
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
