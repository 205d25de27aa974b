package io.foothold.verifier.code;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * The tests of a programming problem: its gold answer, a JSON object.
 *
 * <ul>
 *   <li>{@code tests}: a list of {@code {"input": …, "output": …}}. Without {@code function} they are standard input and output of
 *       the program; with it each line of the input is an argument as JSON and the output is the value, as in LiveCodeBench.
 *   <li>{@code function}: the function, or the method of a class {@code Solution}, that the tests call.
 *   <li>{@code asserts}: a list of Python statements, each a test of its own.
 *   <li>{@code check} with {@code entry_point}: Python that defines {@code check(candidate)}, one test, as in HumanEval.
 *   <li>{@code time_seconds} (6) and {@code memory_mb} (512) of each test.
 * </ul>
 *
 * @param tests inputs and outputs
 * @param function what they call; empty when they are read and printed
 * @param asserts statements
 * @param check source of check(candidate); empty without one
 * @param entryPoint what check is called with; empty without one
 * @param seconds time limit of a test
 * @param memoryMb memory limit of a test, MiB
 */
record CodeProblem(
        List<Test> tests,
        String function,
        List<String> asserts,
        String check,
        String entryPoint,
        double seconds,
        int memoryMb) {
    static final String NAME = "[A-Za-z_][A-Za-z0-9_]*";
    private static final List<String> KEYS =
            List.of("tests", "function", "asserts", "check", "entry_point", "time_seconds", "memory_mb");
    private static final List<String> TEST_KEYS = List.of("input", "output", "testtype");
    private static final int MOST_TESTS = 1_000;
    private static final ObjectMapper MAPPER =
            new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);

    /** One input with its output. */
    record Test(String input, String output) {}

    int count() {
        return tests.size() + asserts.size() + (check.isEmpty() ? 0 : 1);
    }

    /**
     * Reads the gold answer.
     *
     * @throws FootholdException INVALID_DATA when it is not of this form
     */
    static CodeProblem read(String gold) {
        JsonNode json = json(gold, "the gold answer of a programming problem");
        if (!json.isObject()) {
            throw wrong("expected a JSON object with tests, asserts or check, found " + json.getNodeType());
        }
        known(json, KEYS);
        List<Test> tests = new ArrayList<>();
        String function = text(json, "function");
        for (JsonNode t : json.path("tests")) {
            known(t, TEST_KEYS);
            Test test = new Test(text(t, "input"), text(t, "output"));
            if (!t.has("input") || !t.has("output")) {
                throw wrong("test " + (tests.size() + 1) + " lacks input or output");
            }
            if (!function.isEmpty()) {
                arguments(test);
                value(test);
            }
            tests.add(test);
        }
        List<String> asserts = new ArrayList<>();
        json.path("asserts").forEach(a -> asserts.add(a.asText()));
        CodeProblem problem = new CodeProblem(
                List.copyOf(tests),
                function,
                List.copyOf(asserts),
                text(json, "check"),
                text(json, "entry_point"),
                json.path("time_seconds").asDouble(6),
                json.path("memory_mb").asInt(512));
        if (problem.count() == 0 || problem.count() > MOST_TESTS) {
            throw wrong("expected 1 to " + MOST_TESTS + " tests, found " + problem.count());
        }
        if (problem.check().isEmpty() != problem.entryPoint().isEmpty()) {
            throw wrong("check and entry_point need each other");
        }
        for (String name : List.of(function, problem.entryPoint())) {
            if (!name.isEmpty() && !name.matches(NAME)) {
                throw wrong("'" + name + "' is no name of a function");
            }
        }
        try {
            problem.limits(1);
        } catch (IllegalArgumentException e) {
            throw wrong(String.valueOf(e.getMessage()));
        }
        return problem;
    }

    Sandbox.Limits limits(long outputBytes) {
        return new Sandbox.Limits(seconds, (long) memoryMb << 20, outputBytes);
    }

    /** The arguments of a call: each line of the input is one. */
    static List<JsonNode> arguments(Test test) {
        return test.input()
                .lines()
                .filter(l -> !l.isBlank())
                .map(l -> json(l, "argument"))
                .toList();
    }

    static JsonNode value(Test test) {
        return json(test.output(), "output");
    }

    static JsonNode json(String text, String what) {
        try {
            JsonNode node = MAPPER.readTree(text);
            if (node == null || node.isMissingNode()) {
                throw wrong(what + " is empty, expected JSON");
            }
            return node;
        } catch (JsonProcessingException e) {
            throw wrong(what + " is not JSON: " + e.getOriginalMessage());
        }
    }

    private static void known(JsonNode json, List<String> keys) {
        for (Iterator<String> it = json.fieldNames(); it.hasNext(); ) {
            String key = it.next();
            if (!keys.contains(key)) {
                throw wrong("unknown key '" + key + "'" + Nearest.hint(key, keys));
            }
        }
    }

    private static String text(JsonNode json, String key) {
        JsonNode node = json.path(key);
        return node.isTextual() ? node.textValue() : node.isMissingNode() || node.isNull() ? "" : node.toString();
    }

    private static FootholdException wrong(String what) {
        return new FootholdException(ErrorCode.INVALID_DATA, "tests of a programming problem: " + what);
    }
}
