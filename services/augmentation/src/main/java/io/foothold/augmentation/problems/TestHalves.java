package io.foothold.augmentation.problems;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The tests of a programming problem in two halves, drawn from the seed: one to train with, one that training never sees (arXiv
 * 2605.25507 splits LiveCodeBench's private tests so). Problems of other kinds, and those with a single test, stay whole.
 *
 * @param train the problem with one half
 * @param held the problem with the other
 */
public record TestHalves(Problem train, Problem held) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Splits the tests of a problem. */
    public static TestHalves of(Problem p, long seed) {
        if (p.kind() != ProblemKind.CODE) {
            return new TestHalves(p, p);
        }
        try {
            ObjectNode gold = (ObjectNode) MAPPER.readTree(p.answer());
            String list = gold.path("tests").size() > 1 ? "tests" : "asserts";
            List<JsonNode> tests = new ArrayList<>();
            gold.path(list).forEach(tests::add);
            if (tests.size() < 2) {
                return new TestHalves(p, p);
            }
            Collections.shuffle(tests, new SplittableRandom(seed ^ p.id().hashCode()));
            int middle = (tests.size() + 1) / 2;
            return new TestHalves(
                    with(p, gold, list, tests.subList(0, middle)),
                    with(p, gold, list, tests.subList(middle, tests.size())));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("problem " + p.id() + " has no tests: " + e.getOriginalMessage(), e);
        }
    }

    private static Problem with(Problem p, ObjectNode gold, String list, List<JsonNode> tests) {
        ObjectNode half = gold.deepCopy();
        ArrayNode array = half.putArray(list);
        tests.forEach(array::add);
        return p.withAnswer(half.toString());
    }
}
