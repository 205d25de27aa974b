package io.foothold.verifier.answer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.math.Budget;
import io.foothold.verifier.math.MathAnswers;
import java.util.ArrayList;
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
        String expression = candidate
                .text()
                .replace("\u00d7", "*")
                .replace("\u00f7", "/")
                .replace("\\times", "*")
                .strip();
        int equals = expression.indexOf('=');
        expression = equals < 0 ? expression : expression.substring(0, equals).strip();
        if (!EXPRESSION.matcher(expression).matches()) {
            return Verdict.unparseable(candidate.rule() + ": not an expression of numbers and + - * / ( )");
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
        return MathAnswers.same(puzzle.path("target").asText(), expression, MathAnswers.Policy.STANDARD, budget)
                ? Verdict.pass(candidate.text(), candidate.rule() + ", reaches the target")
                : Verdict.fail(candidate.text(), candidate.rule() + ", misses the target");
    }
}
