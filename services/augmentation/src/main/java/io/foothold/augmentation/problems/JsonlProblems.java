package io.foothold.augmentation.problems;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.contracts.flow.MessageLimit;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.problem.Segmenter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Reads problems from JSON lines: {@code problem} and {@code answer} (see {@link GoldText}), and optionally {@code id}, {@code kind},
 * {@code solution} (one text, cut by the segmenter) or {@code thoughts} (a list of texts), {@code source}, {@code split},
 * {@code max_tokens}. {@code mined}, what mining saw of a problem, is not read. Wrong rows are refused with file and line; an optional key that is null counts as absent.
 */
final class JsonlProblems {
    private static final List<String> KEYS = List.of(
            "id", "problem", "answer", "kind", "solution", "thoughts", "source", "split", "max_tokens", "mined");

    private final String name;
    private final Segmenter segmenter;
    private final List<Problem> problems = new ArrayList<>();
    private final Set<String> ids = new HashSet<>();

    private JsonlProblems(Path file, Segmenter segmenter) {
        this.name = String.valueOf(file.getFileName());
        this.segmenter = segmenter;
    }

    /** All problems of a file, in its order. Blocks on the file system. */
    static List<Problem> read(Path file, Segmenter segmenter) {
        JsonlProblems reader = new JsonlProblems(file, segmenter);
        JsonRows.read(
                "problem file",
                file,
                MessageLimit.PROBLEM_BYTES,
                (line, row) -> reader.row(file + ":" + line, line, row));
        if (reader.problems.isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_DATA, file + " holds no problem");
        }
        return reader.problems;
    }

    private void row(String where, int line, JsonNode json) {
        for (Iterator<String> it = json.fieldNames(); it.hasNext(); ) {
            String key = it.next();
            if (!KEYS.contains(key)) {
                throw wrong(where, "unknown key '" + key + "'" + Nearest.hint(key, KEYS));
            }
        }
        String id = id(where, line, json.path("id"));
        if (!ids.add(id)) {
            throw wrong(where, "id '" + id + "' appears twice");
        }
        JsonNode statement = json.path("problem");
        if (!statement.isTextual() || statement.textValue().isBlank()) {
            throw wrong(
                    where,
                    "'problem' is " + (statement.isTextual() ? "empty" : JsonRows.kind(statement))
                            + " (expected a text)");
        }
        ProblemKind kind = kind(where, text(where, json, "kind", "math"));
        problems.add(new Problem(
                id,
                statement.textValue(),
                kind,
                GoldText.gold(json.path("answer"), "answer", kind, where),
                thoughts(where, json),
                text(where, json, "source", name),
                text(where, json, "split", "train"),
                maxTokens(where, json.path("max_tokens"))));
    }

    private String id(String where, int line, JsonNode node) {
        if (node.isMissingNode() || node.isNull()) {
            return name + ":" + line;
        }
        if (!node.isTextual() && !node.isIntegralNumber()) {
            throw wrong(where, "'id' is " + JsonRows.kind(node) + " (expected a text or a whole number)");
        }
        if (node.asText().isBlank()) {
            throw wrong(where, "'id' is empty");
        }
        return node.asText();
    }

    private static String text(String where, JsonNode json, String key, String otherwise) {
        JsonNode node = json.path(key);
        if (node.isMissingNode() || node.isNull()) {
            return otherwise;
        }
        if (!node.isTextual() || node.textValue().isBlank()) {
            throw wrong(
                    where,
                    "'" + key + "' is " + (node.isTextual() ? "empty" : JsonRows.kind(node)) + " (expected a text)");
        }
        return node.textValue();
    }

    private List<String> thoughts(String where, JsonNode json) {
        JsonNode list = json.path("thoughts");
        if (list.isMissingNode() || list.isNull()) {
            JsonNode solution = json.path("solution");
            if (solution.isTextual()) {
                return segmenter.thoughts(solution.textValue());
            }
            if (solution.isMissingNode() || solution.isNull()) {
                return List.of();
            }
            throw wrong(where, "'solution' is " + JsonRows.kind(solution) + " (expected a text)");
        }
        if (!list.isArray()) {
            throw wrong(
                    where,
                    "'thoughts' is " + JsonRows.kind(list)
                            + " (expected a list of texts; one text goes into 'solution')");
        }
        List<String> out = new ArrayList<>();
        for (JsonNode thought : list) {
            if (!thought.isTextual() || thought.textValue().isEmpty()) {
                throw wrong(
                        where,
                        "thought " + (out.size() + 1) + " of " + list.size() + " is "
                                + (thought.isTextual() ? "empty" : JsonRows.kind(thought)) + " (expected a text)");
            }
            out.add(thought.textValue());
        }
        return out;
    }

    private static int maxTokens(String where, JsonNode node) {
        if (node.isMissingNode() || node.isNull()) {
            return 0;
        }
        String digits =
                node.isIntegralNumber() || node.isTextual() ? node.asText().strip() : "";
        if (digits.matches("\\d{1,9}")) {
            return Integer.parseInt(digits);
        }
        throw wrong(
                where,
                "'max_tokens' is " + (node.isContainerNode() ? JsonRows.kind(node) : "'" + node.asText() + "'")
                        + " (expected a whole number from 0 to 999999999)");
    }

    private static ProblemKind kind(String where, String name) {
        for (ProblemKind kind : ProblemKind.values()) {
            if (kind.name().toLowerCase(Locale.ROOT).equals(name)) {
                return kind;
            }
        }
        List<String> names = Arrays.stream(ProblemKind.values())
                .map(k -> k.name().toLowerCase(Locale.ROOT))
                .toList();
        throw wrong(where, "unknown kind '" + name + "'" + Nearest.hint(name, names));
    }

    private static FootholdException wrong(String where, String what) {
        return new FootholdException(ErrorCode.INVALID_DATA, where + ": " + what);
    }
}
