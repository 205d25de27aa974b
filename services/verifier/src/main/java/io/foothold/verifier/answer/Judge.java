package io.foothold.verifier.answer;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.code.CodeVerifier;
import io.foothold.verifier.code.CodeVerifier.Judgement;
import java.util.List;
import java.util.Optional;

/** Judges responses of every kind: answers here and now, programs in the sandbox. Thread-safe. */
public final class Judge {
    private final CodeVerifier programs;

    /** A judge with a sandbox for programs. */
    public Judge(CodeVerifier programs) {
        this.programs = programs;
    }

    /** The verdict on a response; of a program with its tests. */
    public Judgement judge(ProblemKind kind, String gold, String response, Grading grading) {
        if (kind != ProblemKind.CODE) {
            return new Judgement(AnswerVerifier.verify(kind, gold, response, grading), List.of());
        }
        Optional<String> said = Extraction.said(response);
        return said.isEmpty()
                ? new Judgement(Verdict.unparseable("the thinking never ended"), List.of())
                : programs.verify(gold, said.get(), grading.form() == Grading.Form.ANY);
    }

    /** What is wrong with a gold answer here and now; empty when responses can be judged by it. */
    public Optional<String> fault(ProblemKind kind, String gold) {
        return form(kind, gold)
                .or(() -> kind == ProblemKind.CODE
                        ? programs.refusal().map(r -> "programs are not run here: " + r)
                        : Optional.empty());
    }

    /** What is wrong with the form of a gold answer, wherever it will be used; empty when nothing is. */
    public static Optional<String> form(ProblemKind kind, String gold) {
        if (kind != ProblemKind.CODE) {
            return AnswerVerifier.fault(kind, gold);
        }
        try {
            CodeVerifier.check(gold);
            return Optional.empty();
        } catch (FootholdException e) {
            return Optional.of(e.text());
        }
    }
}
