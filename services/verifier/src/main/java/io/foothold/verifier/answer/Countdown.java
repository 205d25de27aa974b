package io.foothold.verifier.answer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.math.Budget;
import io.foothold.verifier.math.MathAnswers;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The countdown puzzle: an expression of the four operations that uses every given number exactly once and reaches the target.
 * The gold answer is a JSON object with {@code numbers} and {@code target}.
 */
final class Countdown {
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Pattern EXPRESSION = Pattern.compile("[-+*/() 0-9]+");
    private static final Pattern DRESSING = Pattern.compile("\\\\left|\\\\right|\\\\[()]|\\$");
    private static final Pattern NUMBER = Pattern.compile("\\d+");

    private Countdown() {}

    static Verdict judge(String gold, Extraction.Candidate candidate, Budget budget) {
        JsonNode puzzle;
        try {
            puzzle = MAPPER.readTree(gold);
        } catch (JsonProcessingException e) {
            return Verdict.verifierError("the gold answer is no JSON object with 'numbers' and 'target'");
        }
        if (!puzzle.path("numbers").isArray() || !puzzle.path("target").isNumber()) {
            return Verdict.verifierError("the gold answer has no array 'numbers' or no number 'target'");
        }
        String[] sides = DRESSING.matcher(candidate
                        .text()
                        .replaceAll("[\u00d7\u00b7]|\\\\(?:times|cdot)", "*")
                        .replaceAll("\u00f7|\\\\div", "/")
                        .replace('\u2212', '-'))
                .replaceAll("")
                .split("=", -1);
        String target = puzzle.path("target").asText();
        String expression = sides[0].strip();
        for (String side : sides) {
            if (!EXPRESSION.matcher(side).matches()) {
                return Verdict.unparseable(candidate.rule() + ": not an expression of numbers and + - * / ( )");
            }
            // 24 = 4+5+7+8 says the same as 4+5+7+8 = 24.
            expression = expression.equals(target) ? side.strip() : expression;
        }
        List<String> used = new ArrayList<>();
        for (Matcher m = NUMBER.matcher(expression); m.find(); ) {
            used.add(m.group());
        }
        List<String> given = new ArrayList<>();
        puzzle.path("numbers").forEach(n -> given.add(n.asText()));
        Collections.sort(used);
        Collections.sort(given);
        if (given.isEmpty() || !used.equals(given)) {
            return Verdict.fail(candidate.text(), candidate.rule() + ", other numbers than the given ones");
        }
        boolean reached = Arrays.stream(sides)
                .allMatch(side -> MathAnswers.same(target, side, MathAnswers.Policy.STANDARD, budget));
        return reached
                ? Verdict.pass(candidate.text(), candidate.rule() + ", reaches the target")
                : Verdict.fail(candidate.text(), candidate.rule() + ", misses the target");
    }
}
