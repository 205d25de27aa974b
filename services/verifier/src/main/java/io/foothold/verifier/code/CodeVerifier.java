package io.foothold.verifier.code;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.verdict.Verdict;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Judges the program of a response by the tests of its problem; the score is the share of tests that pass. Expected outputs never
 * enter the sandbox, and asserts run in another process than the program they are about. Thread-safe; a call blocks its thread,
 * which must not end before it returns.
 */
public final class CodeVerifier {
    private static final String FENCE = "```";
    private static final int LONGEST_PROGRAM = 1 << 18;
    private static final int LONGEST_DETAIL = 200;
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String VALUES = resource("values.py");
    private static final String CANDIDATE = resource("candidate.py");
    private static final String ASSERTS = resource("asserts.py");

    /**
     * A verdict with what it rests on.
     *
     * @param verdict the verdict; its score is the share of tests that passed
     * @param tests in the order of the problem; empty when nothing ran
     */
    public record Judgement(Verdict verdict, List<TestResult> tests) {}

    private final Sandbox sandbox;
    private final long outputBytes;

    /**
     * A verifier.
     *
     * @param outputBytes most that a program may print
     */
    public CodeVerifier(Sandbox sandbox, long outputBytes) {
        this.sandbox = sandbox;
        this.outputBytes = outputBytes;
    }

    /**
     * Checks the tests of a problem without running anything.
     *
     * @throws FootholdException INVALID_DATA when they are not of the form of a programming problem
     */
    public static void check(String gold) {
        CodeProblem.read(gold);
    }

    /** Why no program can be run here; empty when one can. */
    public Optional<String> refusal() {
        return sandbox.refusal();
    }

    /**
     * Judges what a response says.
     *
     * @param said the response without its thinking
     * @param bare whether a text without fences is a program
     */
    public Judgement verify(String gold, String said, boolean bare) {
        CodeProblem problem;
        try {
            problem = CodeProblem.read(gold);
        } catch (FootholdException e) {
            return nothing(Verdict.verifierError(e.text()));
        }
        if (sandbox.refusal().isPresent()) {
            return nothing(Verdict.verifierError(
                    "programs are not run here: " + sandbox.refusal().get()));
        }
        Optional<String> program = program(said, bare);
        if (program.isEmpty()) {
            return nothing(Verdict.unparseable("no program between ``` fences"));
        }
        if (program.get().length() > LONGEST_PROGRAM) {
            return nothing(Verdict.unparseable("program longer than " + LONGEST_PROGRAM + " characters"));
        }
        try {
            return judged(problem, program.get());
        } catch (FootholdException e) {
            return nothing(Verdict.verifierError(e.text()));
        }
    }

    private static Judgement nothing(Verdict verdict) {
        return new Judgement(verdict, List.of());
    }

    /** The text between the last two fences, as LiveCodeBench takes it. */
    static Optional<String> program(String said, boolean bare) {
        int close = said.lastIndexOf(FENCE);
        int open = close < 0 ? -1 : said.lastIndexOf(FENCE, close - 1);
        if (open < 0) {
            return bare && close < 0 && !said.isBlank() ? Optional.of(said) : Optional.empty();
        }
        int line = said.indexOf('\n', open);
        return line < 0 || line > close ? Optional.empty() : Optional.of(said.substring(line + 1, close));
    }

    private interface Run {
        TestResult run();
    }

    private Judgement judged(CodeProblem problem, String program) {
        List<Run> runs = new ArrayList<>();
        for (CodeProblem.Test t : problem.tests()) {
            runs.add(() -> problem.function().isEmpty() ? printed(problem, program, t) : called(problem, program, t));
        }
        problem.asserts().forEach(a -> runs.add(() -> asserted(problem, program, a, "")));
        if (!problem.check().isEmpty()) {
            runs.add(() -> asserted(problem, program, problem.check(), problem.entryPoint()));
        }
        List<TestResult> results = new ArrayList<>();
        for (Run run : runs) {
            boolean late = !results.isEmpty()
                    && switch (results.get(results.size() - 1).status()) {
                        case TIME_LIMIT, NOT_RUN -> true;
                        default -> false;
                    };
            results.add(
                    late ? new TestResult(TestResult.Status.NOT_RUN, 0, "an earlier test was too slow") : run.run());
        }
        long passed = results.stream()
                .filter(r -> r.status() == TestResult.Status.PASSED)
                .count();
        String rule = passed + " of " + results.size() + " tests";
        Verdict verdict;
        if (passed == results.size()) {
            verdict = Verdict.pass(program, rule);
        } else {
            int first = 0;
            while (results.get(first).status() == TestResult.Status.PASSED) {
                first++;
            }
            TestResult failed = results.get(first);
            verdict = new Verdict(
                    Verdict.Kind.FAIL,
                    (double) passed / results.size(),
                    program,
                    rule + "; test " + (first + 1) + ": " + failed.status() + " " + failed.detail());
        }
        return new Judgement(verdict, List.copyOf(results));
    }

    private TestResult printed(CodeProblem problem, String program, CodeProblem.Test test) {
        try (Sandbox.Scratch scratch = new Sandbox.Scratch(Map.of("solution.py", program))) {
            Sandbox.Outcome o = sandbox.run(scratch, List.of("solution.py"), test.input(), problem.limits(outputBytes));
            return o.end() == Sandbox.End.FINISHED
                    ? result(sameOutput(test.output(), o.stdout()), o.millis(), "printed " + o.stdout())
                    : ended(o);
        }
    }

    private TestResult called(CodeProblem problem, String program, CodeProblem.Test test) {
        try (Sandbox.Scratch scratch = new Sandbox.Scratch(
                        Map.of("solution.py", program, "values.py", VALUES, "candidate.py", CANDIDATE));
                Running candidate = sandbox.converse(scratch, List.of("candidate.py"), problem.limits(outputBytes))) {
            ObjectNode call = JsonNodeFactory.instance.objectNode().put("call", problem.function());
            ArrayNode arguments = call.putArray("args");
            CodeProblem.arguments(test).forEach(a -> arguments.add(packed(a)));
            call.putObject("kwargs").putArray("dict");
            long start = System.nanoTime();
            candidate.say(call.toString());
            Optional<String> answer = candidate.hear();
            if (answer.isEmpty()) {
                return ended(candidate.await());
            }
            long millis = (System.nanoTime() - start) / 1_000_000;
            JsonNode said = message(answer.get());
            return said.has("value")
                    ? result(
                            sameValue(CodeProblem.value(test), said.get("value")),
                            millis,
                            "returned " + said.get("value"))
                    : failed(said, millis);
        }
    }

    private TestResult asserted(CodeProblem problem, String program, String tests, String entryPoint) {
        Sandbox.Limits limits = problem.limits(outputBytes);
        try (Sandbox.Scratch mine = new Sandbox.Scratch(
                        Map.of("solution.py", program, "values.py", VALUES, "candidate.py", CANDIDATE));
                Sandbox.Scratch ours =
                        new Sandbox.Scratch(Map.of("tests.py", tests, "values.py", VALUES, "asserts.py", ASSERTS));
                Running candidate = sandbox.converse(mine, List.of("candidate.py"), limits);
                Running asserts = sandbox.converse(ours, List.of("asserts.py", entryPoint), limits)) {
            long start = System.nanoTime();
            while (true) {
                Optional<String> line = asserts.hear();
                if (line.isEmpty()) {
                    return ended(asserts.await());
                }
                JsonNode said = message(line.get());
                if (said.has("passed")) {
                    long millis = (System.nanoTime() - start) / 1_000_000;
                    boolean wrong = said.path("error").asText().equals("AssertionError");
                    return said.get("passed").asBoolean() || wrong
                            ? result(!wrong, millis, said.path("message").asText())
                            : failed(said, millis);
                }
                candidate.say(line.get());
                Optional<String> answer = candidate.hear();
                if (answer.isEmpty()) {
                    return ended(candidate.await());
                }
                asserts.say(answer.get());
            }
        }
    }

    /** A line of the other process as JSON; whatever else it is counts as an error of the program. */
    private static JsonNode message(String line) {
        try {
            JsonNode node = MAPPER.readTree(line);
            if (node != null && node.isObject()) {
                return node;
            }
        } catch (JsonProcessingException e) {
            // Said below.
        }
        return JsonNodeFactory.instance
                .objectNode()
                .put("error", "NoAnswer")
                .put("message", "the program wrote where answers are expected");
    }

    private static TestResult result(boolean passed, long millis, String detail) {
        return new TestResult(
                passed ? TestResult.Status.PASSED : TestResult.Status.WRONG, millis, passed ? "" : shortened(detail));
    }

    private static TestResult failed(JsonNode said, long millis) {
        return new TestResult(
                said.path("error").asText().equals("MemoryError")
                        ? TestResult.Status.MEMORY_LIMIT
                        : TestResult.Status.RUNTIME_ERROR,
                millis,
                shortened(said.path("error").asText() + ": "
                        + said.path("message").asText()));
    }

    private static TestResult ended(Sandbox.Outcome o) {
        String[] complaint = o.stderr().strip().split("\n");
        String last = complaint[complaint.length - 1];
        TestResult.Status status =
                switch (o.end()) {
                    case TIME_LIMIT -> TestResult.Status.TIME_LIMIT;
                    case MEMORY_LIMIT -> TestResult.Status.MEMORY_LIMIT;
                    case PROCESS_LIMIT -> TestResult.Status.PROCESS_LIMIT;
                    case OUTPUT_LIMIT -> TestResult.Status.OUTPUT_LIMIT;
                    case FINISHED, FAILED ->
                        last.startsWith("MemoryError")
                                ? TestResult.Status.MEMORY_LIMIT
                                : TestResult.Status.RUNTIME_ERROR;
                };
        return new TestResult(status, o.millis(), shortened(last));
    }

    private static String shortened(String text) {
        String line = text.strip().replace('\n', ' ');
        return line.length() <= LONGEST_DETAIL ? line : line.substring(0, LONGEST_DETAIL) + "…";
    }

    /** LiveCodeBench's rule: line by line, stripped; lines that differ as text may agree as decimals. */
    static boolean sameOutput(String expected, String printed) {
        List<String> right = expected.strip().lines().map(String::strip).toList();
        List<String> own = printed.strip().lines().map(String::strip).toList();
        if (right.size() != own.size()) {
            return false;
        }
        for (int i = 0; i < right.size(); i++) {
            if (!right.get(i).equals(own.get(i)) && !sameDecimals(right.get(i), own.get(i))) {
                return false;
            }
        }
        return true;
    }

    private static boolean sameDecimals(String a, String b) {
        String[] x = a.split("\\s+");
        String[] y = b.split("\\s+");
        if (x.length != y.length) {
            return false;
        }
        try {
            for (int i = 0; i < x.length; i++) {
                if (new BigDecimal(x[i]).compareTo(new BigDecimal(y[i])) != 0) {
                    return false;
                }
            }
            return true;
        } catch (NumberFormatException e) {
            return false;
        }
    }

    /** A JSON argument in the form that the program's side unpacks. */
    private static JsonNode packed(JsonNode v) {
        JsonNodeFactory f = JsonNodeFactory.instance;
        if (v.isArray()) {
            ArrayNode out = f.arrayNode();
            v.forEach(x -> out.add(packed(x)));
            return out;
        }
        if (v.isObject()) {
            ArrayNode entries = f.arrayNode();
            v.properties().forEach(e -> entries.addArray().add(e.getKey()).add(packed(e.getValue())));
            ObjectNode out = f.objectNode();
            out.set("dict", entries);
            return out;
        }
        return v.isNumber() && !v.isIntegralNumber() ? f.objectNode().put("float", v.asText()) : v;
    }

    /** Whether a packed value equals an expected one as Python's {@code ==} has it, tuples being lists. */
    static boolean sameValue(JsonNode expected, JsonNode packed) {
        if (expected.isNumber() || expected.isBoolean()) {
            Optional<BigDecimal> own = number(packed);
            return own.isPresent() && own.get().compareTo(number(expected).orElseThrow()) == 0;
        }
        if (expected.isArray()) {
            JsonNode items = packed.isObject() && packed.has("tuple") ? packed.get("tuple") : packed;
            if (!items.isArray() || items.size() != expected.size()) {
                return false;
            }
            for (int i = 0; i < expected.size(); i++) {
                if (!sameValue(expected.get(i), items.get(i))) {
                    return false;
                }
            }
            return true;
        }
        if (expected.isObject()) {
            JsonNode entries = packed.path("dict");
            if (!entries.isArray() || entries.size() != expected.size()) {
                return false;
            }
            for (Iterator<JsonNode> it = entries.elements(); it.hasNext(); ) {
                JsonNode entry = it.next();
                JsonNode right = expected.get(entry.path(0).asText());
                if (right == null || !sameValue(right, entry.path(1))) {
                    return false;
                }
            }
            return true;
        }
        return expected.equals(packed);
    }

    private static Optional<BigDecimal> number(JsonNode v) {
        if (v.isBoolean()) {
            return Optional.of(v.booleanValue() ? BigDecimal.ONE : BigDecimal.ZERO);
        }
        if (v.isNumber()) {
            return Optional.of(v.decimalValue());
        }
        try {
            return v.isObject() && v.has("float")
                    ? Optional.of(new BigDecimal(v.get("float").asText()))
                    : Optional.empty();
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    private static String resource(String name) {
        try (InputStream in = CodeVerifier.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("resource " + name + " is missing");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
