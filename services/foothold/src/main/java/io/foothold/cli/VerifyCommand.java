package io.foothold.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.augmentation.problems.GoldText;
import io.foothold.augmentation.problems.JsonRows;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.terminal.Words;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.flow.MessageLimit;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Thinking;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.answer.Grading;
import io.foothold.verifier.answer.Judge;
import io.foothold.verifier.code.CodeVerifier;
import io.foothold.verifier.code.Sandbox;
import io.foothold.verifier.code.TestResult;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Judges one answer, or a file of graded cases. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = "Judges one answer, or every case of a JSONL file with gold, prediction, category and note.")
final class VerifyCommand implements Callable<Integer> {
    /** The kinds of problems. */
    static final class Kinds extends Words {
        Kinds() {
            super(Arrays.stream(ProblemKind.values())
                    .map(k -> k.name().toLowerCase(Locale.ROOT))
                    .toList());
        }
    }

    @Option(names = "--gold", description = "The right answer.")
    private String gold = "";

    @Option(names = "--prediction", description = "The response to judge.")
    private String prediction = "";

    @Option(
            names = "--kind",
            completionCandidates = Kinds.class,
            description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private String kind = "math";

    @Option(
            names = "--options",
            description =
                    "Grading options with commas between them, such as boxed-required, places=2, percent-ignored.")
    private String options = "";

    @Option(names = "--strict", description = "Only the form demanded in training counts: the last box.")
    private boolean strict;

    @Option(
            names = "--opens-in-thought",
            description =
                    "The prompt's template opened the thought (<think>): without </think> there is no answer. In a file of"
                            + " cases the key response_opens_in_thought says it for one case.")
    private boolean opensInThought;

    @Option(names = "--explain", description = "Also prints the candidate that was taken and the rule that decided.")
    private boolean explain;

    @Option(names = "--cases", paramLabel = "FILE.jsonl", description = "Judges every line of this file.")
    private Path cases = Path.of("");

    @Option(names = "--out", paramLabel = "VERDICTS.jsonl", description = "Where the verdicts on the cases go.")
    private Path out = Path.of("verdicts.jsonl");

    private static final long WARM_UP_NANOS = 6_000_000_000L;
    private static final int WARM_UP_ROWS = 500;

    private static final Pattern CONFIG = Pattern.compile("config=([^;]*)");
    private static final Pattern CHOICES = Pattern.compile("options ((?:[A-J]=[^,;]*,?)+)");

    private final ObjectMapper mapper = new ObjectMapper();
    private final Set<String> unknownConfigs = new TreeSet<>();

    @Override
    public Integer call() throws IOException {
        if (!cases.toString().isEmpty()) {
            return judgeFile();
        }
        if (gold.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "verify needs --gold and --prediction, or --cases FILE.jsonl");
        }
        Grading grading = (strict ? Grading.TRAINING : Grading.EVALUATION).with(options);
        ProblemKind judged = kindOf(kind);
        String response = opensInThought ? Thinking.continued(prediction) : prediction;
        CodeVerifier.Judgement judgement = judged == ProblemKind.CODE
                ? judge().judge(judged, gold, response, grading)
                : new CodeVerifier.Judgement(AnswerVerifier.verify(judged, gold, response, grading), List.of());
        Verdict v = judgement.verdict();
        System.out.println(v.kind());
        if (explain) {
            System.out.println("candidate: " + v.candidate());
            System.out.println("rule: " + v.rule());
            System.out.println("score: " + v.score());
            for (TestResult t : judgement.tests()) {
                System.out.println("test: " + t.status() + ", " + t.millis() + " ms"
                        + (t.detail().isEmpty() ? "" : ", " + t.detail()));
            }
        }
        return v.kind() == Verdict.Kind.PASS ? 0 : 1;
    }

    private static Judge judge() {
        return new Judge(new CodeVerifier(new Sandbox(Sandbox.Tools.standard()), 1 << 20));
    }

    private static ProblemKind kindOf(String name) {
        return Arrays.stream(ProblemKind.values())
                .filter(k -> k.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "kind '" + name + "' is not known (expected "
                                + String.join(
                                        ", ",
                                        Arrays.stream(ProblemKind.values())
                                                .map(k -> k.name().toLowerCase(Locale.ROOT))
                                                .toList())
                                + ")"));
    }

    private int judgeFile() throws IOException {
        List<JsonNode> rows = new ArrayList<>();
        JsonRows.read("file of cases", cases, MessageLimit.PROBLEM_BYTES, (line, row) -> rows.add(checked(line, row)));
        warmUp(rows);
        Map<String, int[]> table = new TreeMap<>();
        List<Long> micros = new ArrayList<>();
        StringBuilder lines = new StringBuilder();
        for (JsonNode row : rows) {
            Grading grading = grading(row.path("note").asText());
            long start = System.nanoTime();
            Verdict v = judge(row, grading);
            long took = (System.nanoTime() - start) / 1000;
            micros.add(took);
            ObjectNode verdict = mapper.createObjectNode();
            verdict.put("id", row.path("id").asText());
            verdict.put("verdict", v.kind().name().toLowerCase(Locale.ROOT));
            verdict.put("candidate", v.candidate()).put("rule", v.rule()).put("micros", took);
            lines.append(verdict).append('\n');
            if (row.has("expected")) {
                int[] counts = table.computeIfAbsent(row.path("category").asText("none"), c -> new int[4]);
                boolean passed = v.kind() == Verdict.Kind.PASS;
                boolean expected = row.path("expected").asBoolean();
                counts[0]++;
                counts[1] += passed == expected ? 1 : 0;
                counts[2] += expected && !passed ? 1 : 0;
                counts[3] += passed && !expected ? 1 : 0;
            }
        }
        Workspace.write(out, lines.toString());
        micros.sort(null);
        if (!table.isEmpty()) {
            System.out.printf(
                    "%-18s %6s %6s %15s %15s%n", "category", "cases", "right", "false negatives", "false positives");
            table.forEach(
                    (category, c) -> System.out.printf("%-18s %6d %6d %15d %15d%n", category, c[0], c[1], c[2], c[3]));
        }
        if (!unknownConfigs.isEmpty()) {
            System.out.println(
                    "judged without these options, which are not known: " + String.join("; ", unknownConfigs));
        }
        if (!micros.isEmpty()) {
            System.out.printf(
                    "%d cases, microseconds: p50 %d, p99 %d, p99.99 %d, most %d; verdicts in %s%n",
                    micros.size(),
                    micros.get(micros.size() / 2),
                    micros.get(micros.size() * 99 / 100),
                    micros.get((int) (micros.size() * 9_999L / 10_000)),
                    micros.get(micros.size() - 1),
                    out);
        }
        return 0;
    }

    /** Times are those of a service that has been running for a while. */
    private void warmUp(List<JsonNode> rows) {
        for (long end = System.nanoTime() + WARM_UP_NANOS; System.nanoTime() < end; ) {
            for (int i = 0; i < Math.min(WARM_UP_ROWS, rows.size()); i++) {
                judge(rows.get(i), grading(rows.get(i).path("note").asText()));
            }
        }
    }

    /** A case with its answers as texts, by the rule for the answers of problems. */
    private JsonNode checked(int line, JsonNode row) {
        ObjectNode out = row.deepCopy();
        for (String key : List.of("gold", "prediction")) {
            out.put(key, GoldText.of(row.path(key), key, cases + ":" + line));
        }
        JsonNode inThought = row.path("response_opens_in_thought");
        if (!inThought.isMissingNode() && !inThought.isBoolean()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    cases + ":" + line + ": 'response_opens_in_thought' is " + inThought + " (expected true or false)");
        }
        return out;
    }

    /** By category: letters, words, and mathematics for everything else. */
    private Verdict judge(JsonNode row, Grading grading) {
        String gold = row.path("gold").asText();
        boolean inThought =
                opensInThought || row.path("response_opens_in_thought").asBoolean();
        String given = row.path("prediction").asText();
        String prediction = inThought ? Thinking.continued(given) : given;
        String note = row.path("note").asText();
        ProblemKind kind =
                switch (row.path("category").asText()) {
                    case "mcq" -> ProblemKind.CHOICE;
                    case "text" -> ProblemKind.TEXT;
                    case "countdown" -> ProblemKind.COUNTDOWN;
                    default -> ProblemKind.MATH;
                };
        return kind == ProblemKind.MATH && note.startsWith("form=answer") && !inThought
                ? AnswerVerifier.compare(gold, prediction, grading)
                : AnswerVerifier.verify(kind, gold, prediction, grading);
    }

    /**
     * The grading that a case asks for in its note. The options of other graders have names of their own; those that ask for what
     * evaluation does anyway (a language, a numeric match) map to nothing.
     */
    private Grading grading(String note) {
        Matcher config = CONFIG.matcher(note);
        if (!config.find()) {
            return Grading.EVALUATION;
        }
        String name = config.group(1).strip();
        Matcher choices = CHOICES.matcher(note);
        String texts = choices.find()
                ? ", choices=" + choices.group(1).replace('=', ':').replace(',', '|')
                : "";
        int equals = name.indexOf('=');
        String value = equals < 0 ? "" : name.substring(equals + 1);
        String chosen =
                switch (equals < 0 ? name : name.substring(0, equals)) {
                    case "math_dapo", "minerva Answer: line" -> "answer-line";
                    case "answer(word)" -> "answer-word";
                    case "answer(line)" -> "pattern=(?i)answer\\s*:\\s*([^\\n]+)";
                    case "answer(letter)" -> "pattern=(?i)answer\\s*:\\s*\\(?([a-z])\\b";
                    case "float_rounding" -> "places=" + value;
                    case "strict" -> value.equalsIgnoreCase("false") ? "renamed" : "";
                    case "numeric", "multiple_correct", "choice", "language", "puzzle-matcher", "countdown" -> "";
                    case "strict_single_letter_boxed", "lenient_boxed", "lenient_answer_colon" -> "";
                    default -> {
                        if (name.startsWith("regex ")) {
                            yield "pattern=" + name.substring("regex ".length());
                        }
                        if (name.startsWith("StringExtractionConfig(")) {
                            yield "letters=" + name.replaceAll("^[^(]*\\(|[^A-Z]", "");
                        }
                        yield name;
                    }
                };
        try {
            return Grading.EVALUATION.with(chosen + texts);
        } catch (FootholdException e) {
            unknownConfigs.add(name);
            return Grading.EVALUATION;
        }
    }
}
