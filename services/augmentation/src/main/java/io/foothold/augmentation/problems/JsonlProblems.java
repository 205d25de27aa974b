package io.foothold.augmentation.problems;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.problem.Segmenter;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Reads problems from JSON lines: {@code problem} and {@code answer}, and optionally {@code id}, {@code kind}, {@code solution}
 * (one text, cut by the segmenter) or {@code thoughts} (a list), {@code source}, {@code split}, {@code max_tokens}. Wrong rows
 * are refused with file and line.
 */
final class JsonlProblems {
    private static final List<String> KEYS =
            List.of("id", "problem", "answer", "kind", "solution", "thoughts", "source", "split", "max_tokens");

    private JsonlProblems() {}

    static List<Problem> read(Path file, Segmenter segmenter) {
        List<Problem> out = new ArrayList<>();
        Set<String> ids = new HashSet<>();
        ObjectMapper mapper = new ObjectMapper();
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            int line = 0;
            for (String text = reader.readLine(); text != null; text = reader.readLine()) {
                line++;
                if (text.isBlank()) {
                    continue;
                }
                Problem problem = row(mapper, file, line, text, segmenter);
                if (!ids.add(problem.id())) {
                    throw wrong(file, line, "id '" + problem.id() + "' appears twice");
                }
                out.add(problem);
            }
        } catch (java.nio.file.NoSuchFileException e) {
            throw new FootholdException(ErrorCode.NOT_FOUND, "problem file " + file + " does not exist", e);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, file + " cannot be read: " + e.getMessage(), e);
        }
        if (out.isEmpty()) {
            throw new FootholdException(ErrorCode.INVALID_DATA, file + " holds no problem");
        }
        return out;
    }

    private static Problem row(ObjectMapper mapper, Path file, int line, String text, Segmenter segmenter) {
        JsonNode json;
        try {
            json = mapper.readTree(text);
        } catch (JsonProcessingException e) {
            throw wrong(file, line, "not JSON: " + e.getOriginalMessage());
        }
        if (!json.isObject()) {
            throw wrong(file, line, "expected an object, found " + json.getNodeType());
        }
        for (Iterator<String> it = json.fieldNames(); it.hasNext(); ) {
            String key = it.next();
            if (!KEYS.contains(key)) {
                throw wrong(file, line, "unknown key '" + key + "'" + Nearest.hint(key, KEYS));
            }
        }
        String statement = required(json, "problem", file, line);
        String answer = required(json, "answer", file, line);
        List<String> thoughts = new ArrayList<>();
        if (json.has("thoughts")) {
            json.get("thoughts").forEach(t -> thoughts.add(t.asText()));
        } else if (json.hasNonNull("solution")) {
            thoughts.addAll(segmenter.thoughts(json.get("solution").asText()));
        }
        return new Problem(
                json.path("id").asText(file.getFileName() + ":" + line),
                statement,
                kind(json.path("kind").asText("math"), file, line),
                answer,
                thoughts,
                json.path("source").asText(file.getFileName().toString()),
                json.path("split").asText("train"),
                json.path("max_tokens").asInt(0));
    }

    private static String required(JsonNode json, String key, Path file, int line) {
        JsonNode node = json.path(key);
        if (!node.isValueNode() || node.isNull() || node.asText().isBlank()) {
            throw wrong(file, line, "'" + key + "' is missing or empty");
        }
        return node.asText();
    }

    private static ProblemKind kind(String name, Path file, int line) {
        for (ProblemKind kind : ProblemKind.values()) {
            if (kind.name().toLowerCase(Locale.ROOT).equals(name)) {
                return kind;
            }
        }
        List<String> names = java.util.Arrays.stream(ProblemKind.values())
                .map(k -> k.name().toLowerCase(Locale.ROOT))
                .toList();
        throw wrong(file, line, "unknown kind '" + name + "'" + Nearest.hint(name, names));
    }

    private static FootholdException wrong(Path file, int line, String what) {
        return new FootholdException(ErrorCode.INVALID_DATA, file + ":" + line + ": " + what);
    }
}
