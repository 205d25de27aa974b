package io.foothold.augmentation.problems;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.problem.Segmenter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the rows of a public data set become problems: which columns hold what, how answers are judged. A row that is no problem for
 * a rule verifier is refused with a reason; a row without the columns of the data set is the file's fault.
 */
public enum Recipe {
    /** AI-MO/NuminaMath-CoT: {@code source, problem, solution}; the answer is the solution's last box. */
    NUMINA_COT("NuminaMath-CoT", (row, c) -> solved(row, c, "problem")),
    /** The same, source olympiads only, with the filter of the SRPO paper (arXiv 2605.25507). */
    NUMINA_OLYMPIADS("NuminaMath-CoT/olympiads", Recipe::olympiads),
    /** EleutherAI/hendrycks_math: {@code problem, level, type, solution}. */
    MATH("MATH", (row, c) -> solved(row, c, "problem")),
    /** HuggingFaceH4/MATH-500: {@code problem, solution, answer, subject, level, unique_id}. */
    MATH_500("MATH-500", (row, c) -> answered(row, c, "problem", "answer")),
    /** KbsdJames/Omni-MATH: {@code domain, difficulty, problem, solution, answer, source}. */
    OMNI_MATH("Omni-MATH", (row, c) -> answered(row, c, "problem", "answer")),
    /** nvidia/AceReason-Math: {@code problem, answer}. */
    ACEREASON_MATH("AceReason-Math", (row, c) -> answered(row, c, "problem", "answer")),
    /** AIME and HMMT as MathArena and others have them: {@code problem} or {@code question}, {@code answer}. */
    MATHARENA(
            "MathArena",
            (row, c) -> answered(row, c, any(row, "problem", "question", "Problem"), any(row, "answer", "Answer"))),
    /** Rows of verl, DAPO-Math-17k among them: {@code prompt, reward_model.ground_truth, extra_info.index}. */
    VERL("verl", Recipe::verl),
    /** tau/commonsense_qa, SciKnowEval: {@code question, choices{label, text}, answerKey}, or {@code answer} in words. */
    CHOICES("choices", Recipe::choices),
    /** GPQA: {@code Question, Correct Answer, Incorrect Answer 1..3}; the order of the choices is drawn from seed and row. */
    GPQA("GPQA", Recipe::gpqa),
    /** TIGER-Lab/MMLU-Pro: {@code question, options, answer}. */
    MMLU_PRO("MMLU-Pro", Recipe::mmlu),
    /** StrategyQA: {@code question, answer} (true or false, judged as yes or no). */
    STRATEGYQA("StrategyQA", Recipe::strategyQa),
    /** LiveCodeBench: {@code question_content, starter_code, public_test_cases, private_test_cases, metadata}. */
    LIVECODEBENCH("LiveCodeBench", Recipe::liveCodeBench),
    /** HumanEval and HumanEval+: {@code task_id, prompt, entry_point, test}. */
    HUMANEVAL("HumanEval", Recipe::humanEval),
    /** MBPP: {@code text or prompt, test_list}. */
    MBPP("MBPP", Recipe::mbpp);

    /**
     * What a recipe is asked with.
     *
     * @param row number of the row, for ids
     * @param seed of what is drawn
     * @param segmenter cuts solutions into thoughts
     */
    public record Context(int row, long seed, Segmenter segmenter) {}

    /** Why a row gives no problem. */
    static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Refused(String reason) {
            super(reason, null, false, false);
        }
    }

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final Pattern LETTER = Pattern.compile("[A-E]");
    /** What DAPO-Math-17k puts around every problem. */
    private static final Pattern DAPO = Pattern.compile(
            "(?s)Solve the following math problem step by step\\..*?\\n\\n(.*)\\n\\nRemember to put your answer on its own line after \"Answer:\"\\.\\s*");

    private final String title;
    private final BiFunction<JsonNode, Context, Problem> problem;

    Recipe(String title, BiFunction<JsonNode, Context, Problem> problem) {
        this.title = title;
        this.problem = problem;
    }

    /** The name on command lines. */
    public String key() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** All names. */
    public static List<String> keys() {
        return Arrays.stream(values()).map(Recipe::key).toList();
    }

    /** The recipe of a name. */
    public static Recipe named(String key) {
        return Arrays.stream(values())
                .filter(r -> r.key().equals(key))
                .findFirst()
                .orElseThrow(() -> new FootholdException(
                        ErrorCode.INVALID_INPUT, "unknown recipe '" + key + "'" + Nearest.hint(key, keys())));
    }

    /**
     * The problem of a row.
     *
     * @throws Refused when it gives none
     * @throws FootholdException INVALID_DATA when it is no row of this data set
     */
    Problem problem(JsonNode row, Context context) {
        Problem p = problem.apply(row, context);
        return new Problem(
                key() + "-" + context.row(),
                p.statement(),
                p.kind(),
                p.answer(),
                p.oracleThoughts(),
                title,
                "train",
                0);
    }

    private static Problem of(String statement, ProblemKind kind, String answer, List<String> thoughts) {
        if (statement.isBlank()) {
            throw new Refused("no problem text");
        }
        if (answer.isBlank()) {
            throw new Refused("no answer");
        }
        return new Problem("row", statement, kind, answer, thoughts, "", "train", 0);
    }

    private static String text(JsonNode row, String column) {
        JsonNode node = row.path(column);
        if (node.isMissingNode()) {
            List<String> columns = new ArrayList<>();
            row.fieldNames().forEachRemaining(columns::add);
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, "column '" + column + "' is missing; the row has " + columns);
        }
        if (node.isNumber()) {
            return GoldText.number(node).orElseThrow(() -> new Refused("a number too large or too small"));
        }
        return node.isNull()
                ? ""
                : node.isTextual() ? node.textValue() : node.isValueNode() ? node.asText() : node.toString();
    }

    /** The first of these columns that the row has, else the first. */
    private static String any(JsonNode row, String... columns) {
        return Arrays.stream(columns).filter(row::has).findFirst().orElse(columns[0]);
    }

    private static List<String> thoughts(JsonNode row, Context c) {
        return row.path("solution").isTextual()
                ? c.segmenter().thoughts(row.path("solution").textValue())
                : List.of();
    }

    private static Problem answered(JsonNode row, Context c, String problem, String answer) {
        return of(text(row, problem), ProblemKind.MATH, text(row, answer), thoughts(row, c));
    }

    private static Problem solved(JsonNode row, Context c, String problem) {
        String answer = NuminaOlympiads.lastBoxed(text(row, "solution"));
        if (answer.isEmpty()) {
            throw new Refused("no boxed answer");
        }
        return of(
                text(row, problem),
                LETTER.matcher(answer).matches() ? ProblemKind.CHOICE : ProblemKind.MATH,
                answer,
                thoughts(row, c));
    }

    private static Problem olympiads(JsonNode row, Context c) {
        if (!text(row, "source").equals("olympiads")) {
            throw new Refused("another source");
        }
        String reason = NuminaOlympiads.reasonAgainst(NuminaOlympiads.lastBoxed(text(row, "solution")));
        if (!reason.isEmpty()) {
            throw new Refused(reason);
        }
        return solved(row, c, "problem");
    }

    private static Problem verl(JsonNode row, Context c) {
        JsonNode prompt = row.path("prompt");
        String statement = prompt.isTextual()
                ? prompt.textValue()
                : prompt.isArray() && !prompt.isEmpty()
                        ? prompt.get(prompt.size() - 1).path("content").asText()
                        : text(row, "prompt");
        Matcher dressed = DAPO.matcher(statement);
        JsonNode truth = row.path("reward_model").path("ground_truth");
        if (truth.isMissingNode()) {
            text(row.path("reward_model"), "ground_truth");
        }
        return of(dressed.matches() ? dressed.group(1) : statement, ProblemKind.MATH, truth.asText(), List.of());
    }

    private static Problem choices(JsonNode row, Context c) {
        JsonNode labels = row.path("choices").path("label");
        JsonNode texts = row.path("choices").path("text");
        String key = row.path("answerKey").asText("").strip();
        if (labels.isEmpty() || key.isEmpty()) {
            String words = row.path("answer").asText("");
            if (labels.isEmpty() && !words.isBlank()) {
                return of(text(row, "question"), ProblemKind.TEXT, words, List.of());
            }
            throw new Refused("no answer");
        }
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < labels.size(); i++) {
            lines.add(labels.get(i).asText() + ". " + texts.path(i).asText());
        }
        return of(listed(text(row, "question"), lines), ProblemKind.CHOICE, key, List.of());
    }

    private static String listed(String question, List<String> choices) {
        return question.strip() + "\n\n" + String.join("\n", choices);
    }

    private static Problem lettered(String question, List<String> options, int right) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < options.size(); i++) {
            lines.add((char) ('A' + i) + ". " + options.get(i).strip());
        }
        return of(listed(question, lines), ProblemKind.CHOICE, Character.toString((char) ('A' + right)), List.of());
    }

    private static Problem gpqa(JsonNode row, Context c) {
        String right = text(row, "Correct Answer").strip();
        List<String> options = new ArrayList<>(List.of(right));
        for (int i = 1; i <= 3; i++) {
            options.add(text(row, "Incorrect Answer " + i).strip());
        }
        Collections.shuffle(options, new SplittableRandom(c.seed() * 1_000_003 + c.row()));
        return lettered(text(row, "Question"), options, options.indexOf(right));
    }

    private static Problem mmlu(JsonNode row, Context c) {
        List<String> options = new ArrayList<>();
        row.path("options").forEach(o -> options.add(o.asText()));
        int right = text(row, "answer").strip().charAt(0) - 'A';
        if (right < 0 || right >= options.size()) {
            throw new Refused("the answer is none of the options");
        }
        return lettered(text(row, "question"), options, right);
    }

    private static Problem strategyQa(JsonNode row, Context c) {
        return switch (text(row, "answer").toLowerCase(Locale.ROOT)) {
            case "true", "yes" -> of(text(row, "question"), ProblemKind.TEXT, "yes", List.of());
            case "false", "no" -> of(text(row, "question"), ProblemKind.TEXT, "no", List.of());
            default -> throw new Refused("the answer is neither yes nor no");
        };
    }

    private static Problem liveCodeBench(JsonNode row, Context c) {
        ArrayNode tests = JsonNodeFactory.instance.arrayNode();
        for (String column : List.of("public_test_cases", "private_test_cases")) {
            String packed = text(row, column);
            JsonNode cases = json(packed.stripLeading().startsWith("[") ? packed : PackedTests.unpack(packed));
            cases.forEach(t -> tests.addObject()
                    .put("input", t.path("input").asText())
                    .put("output", t.path("output").asText()));
        }
        ObjectNode gold = JsonNodeFactory.instance.objectNode();
        gold.set("tests", tests);
        JsonNode metadata =
                row.path("metadata").isTextual() ? json(row.path("metadata").textValue()) : row.path("metadata");
        String function = metadata.path("func_name").asText("");
        String starter = row.path("starter_code").asText("");
        if (!function.isEmpty()) {
            gold.put("function", function);
        }
        String statement = text(row, "question_content")
                + (starter.isBlank() ? "" : "\n\nBegin with this code:\n```python\n" + starter + "\n```");
        return of(statement, ProblemKind.CODE, gold.toString(), List.of());
    }

    private static JsonNode json(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JsonProcessingException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, "not JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static Problem humanEval(JsonNode row, Context c) {
        ObjectNode gold = JsonNodeFactory.instance.objectNode();
        gold.put("check", text(row, "test")).put("entry_point", text(row, "entry_point"));
        return of(text(row, "prompt"), ProblemKind.CODE, gold.toString(), List.of());
    }

    private static Problem mbpp(JsonNode row, Context c) {
        ArrayNode asserts = JsonNodeFactory.instance.arrayNode();
        String setup = row.path("test_setup_code").asText("");
        row.path("test_list").forEach(t -> asserts.add(setup.isBlank() ? t.asText() : setup + "\n" + t.asText()));
        if (asserts.isEmpty()) {
            throw new Refused("no tests");
        }
        ObjectNode gold = JsonNodeFactory.instance.objectNode();
        gold.set("asserts", asserts);
        String statement = row.has("text") ? text(row, "text") : text(row, "prompt");
        return of(
                statement + "\n\nYour code should pass these tests:\n"
                        + String.join("\n", MAPPER.convertValue(asserts, String[].class)),
                ProblemKind.CODE,
                gold.toString(),
                List.of());
    }
}
