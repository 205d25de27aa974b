package io.foothold.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.core.verdict.Verdict.Kind;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.answer.Grading;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Kinds of answers, right and wrong ones, as {@code kinds.txt} lists them. */
class KindsOfAnswersTest {
    /** One case of the file. */
    record Case(String kind, String form, String gold, String answer, Kind verdict) {
        @Override
        public String toString() {
            return kind + ": " + gold + " against " + answer;
        }
    }

    static Stream<Case> cases() {
        try (InputStream in = KindsOfAnswersTest.class.getResourceAsStream("kinds.txt")) {
            String kind = "";
            Stream.Builder<Case> out = Stream.builder();
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList()) {
                if (line.startsWith("#")) {
                    kind = line.substring(1).strip();
                } else if (!line.isBlank()) {
                    String[] parts = line.replace('\u21b5', '\n').split(" \u00a6 ", 4);
                    out.add(new Case(kind, parts[0], parts[1], parts[2], Kind.valueOf(parts[3].strip())));
                }
            }
            return out.build();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Verdict> verdicts(Case c) {
        return switch (c.form()) {
            case "box" ->
                List.of(
                        AnswerVerifier.verify(
                                ProblemKind.MATH, c.gold(), "so \\boxed{" + c.answer() + "}.", Grading.TRAINING),
                        AnswerVerifier.verify(
                                ProblemKind.MATH, c.gold(), "so \\boxed{" + c.answer() + "}.", Grading.EVALUATION),
                        AnswerVerifier.compare(c.gold(), c.answer(), Grading.EVALUATION));
            case "bare" -> List.of(AnswerVerifier.compare(c.gold(), c.answer(), Grading.EVALUATION));
            case "text" -> List.of(AnswerVerifier.verify(ProblemKind.MATH, c.gold(), c.answer(), Grading.EVALUATION));
            case "choice" ->
                List.of(AnswerVerifier.verify(ProblemKind.CHOICE, c.gold(), c.answer(), Grading.EVALUATION));
            default -> throw new IllegalArgumentException("no form of a case: " + c.form());
        };
    }

    @ParameterizedTest
    @MethodSource("cases")
    void comesOutAsItShould(Case c) {
        for (Verdict v : verdicts(c)) {
            assertThat(v.kind() == Kind.PASS)
                    .as("%s (%s: %s)", v.kind(), v.candidate(), v.rule())
                    .isEqualTo(c.verdict() == Kind.PASS);
        }
    }
}
