package io.foothold.augmentation.problems;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.problem.Segmenter;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * The recipe of the SRPO paper's mathematics data (arXiv 2605.25507; B6): of NuminaMath-CoT the rows of source {@code olympiads}
 * whose solution ends in a boxed answer that can be verified, shuffled and split. The order is Java's for the seed, so the split
 * is not the authors' own.
 */
public final class NuminaOlympiads {
    private static final int LONGEST_ANSWER = 60;
    private static final Pattern TEXT_MACRO =
            Pattern.compile("\\\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox|operatorname|hbox)\\b");
    private static final Pattern COMMAND = Pattern.compile("\\\\[A-Za-z]+");
    private static final Pattern WORD = Pattern.compile("[A-Za-z]{3,}");
    private static final Pattern LETTER = Pattern.compile("[A-E]");
    private static final Pattern UNIT =
            Pattern.compile("%|\\\\circ|°|\\d\\s*(?:\\\\[,;: ]|~|\\s)*(?:mm|cm|dm|km|kg|mg|ml|m|g|s|h|l)(?:\\^|\\s*$)");

    /**
     * What came of a file.
     *
     * @param train problems to train on
     * @param test problems to test on
     * @param refused rows that were left out, by reason
     */
    public record Split(List<Problem> train, List<Problem> test, Map<String, Integer> refused) {}

    private NuminaOlympiads() {}

    /**
     * Reads a file of NuminaMath-CoT rows: {@code source}, {@code problem}, {@code solution}.
     *
     * @throws FootholdException INVALID_DATA with file and line for a row that is none, or when too few problems are left
     */
    public static Split read(Path file, int train, int test, long seed, Segmenter segmenter) {
        List<Problem> kept = new ArrayList<>();
        Map<String, Integer> refused = new TreeMap<>();
        ObjectMapper mapper = new ObjectMapper();
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            int line = 0;
            for (String text = reader.readLine(); text != null; text = reader.readLine()) {
                line++;
                if (!text.isBlank()) {
                    row(mapper, file, line, text, segmenter, kept, refused);
                }
            }
        } catch (java.nio.file.NoSuchFileException e) {
            throw new FootholdException(ErrorCode.NOT_FOUND, "problem file " + file + " does not exist", e);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INVALID_DATA, file + " cannot be read: " + e.getMessage(), e);
        }
        if (kept.size() < train + test) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    file + " has " + kept.size() + " problems of this recipe, fewer than the " + train + " + " + test
                            + " asked for; left out: " + refused);
        }
        Collections.shuffle(kept, new Random(seed));
        return new Split(
                split(kept.subList(0, train), "train"), split(kept.subList(train, train + test), "test"), refused);
    }

    private static List<Problem> split(List<Problem> problems, String name) {
        return problems.stream()
                .map(p -> new Problem(
                        p.id(),
                        p.statement(),
                        p.kind(),
                        p.answer(),
                        p.oracleThoughts(),
                        p.source(),
                        name,
                        p.maxTokens()))
                .toList();
    }

    private static void row(
            ObjectMapper mapper,
            Path file,
            int line,
            String text,
            Segmenter segmenter,
            List<Problem> kept,
            Map<String, Integer> refused) {
        JsonNode json;
        try {
            json = mapper.readTree(text);
        } catch (JsonProcessingException e) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, file + ":" + line + ": not JSON: " + e.getOriginalMessage(), e);
        }
        for (String key : List.of("source", "problem", "solution")) {
            if (!json.path(key).isTextual()) {
                throw new FootholdException(
                        ErrorCode.INVALID_DATA,
                        file + ":" + line + ": '" + key
                                + "' is missing (expected a row of NuminaMath-CoT: source, problem, solution)");
            }
        }
        String solution = json.path("solution").asText();
        String answer = lastBoxed(solution);
        String reason = json.path("source").asText().equals("olympiads") ? reasonAgainst(answer) : "another source";
        if (!reason.isEmpty()) {
            refused.merge(reason, 1, Integer::sum);
            return;
        }
        kept.add(new Problem(
                "numina-" + line,
                json.path("problem").asText(),
                LETTER.matcher(answer).matches() ? ProblemKind.CHOICE : ProblemKind.MATH,
                answer,
                segmenter.thoughts(solution),
                "NuminaMath-CoT/olympiads",
                "train",
                0));
    }

    /** Why an answer cannot be verified; empty when it can. */
    static String reasonAgainst(String answer) {
        if (answer.isEmpty()) {
            return "no boxed answer";
        }
        if (answer.length() > LONGEST_ANSWER) {
            return "longer than 60 characters";
        }
        if (TEXT_MACRO.matcher(answer).find()) {
            return "text";
        }
        if (WORD.matcher(COMMAND.matcher(answer).replaceAll(" ")).find()) {
            return "words";
        }
        if (UNIT.matcher(answer).find()) {
            return "units or percent";
        }
        if (answer.chars().noneMatch(c -> c >= '0' && c <= '9')
                && !LETTER.matcher(answer).matches()) {
            return "no digit and no letter A to E";
        }
        return "";
    }

    /** What the last box holds, trimmed; empty without one whose braces close. */
    static String lastBoxed(String solution) {
        String open = "\\boxed{";
        int from = solution.lastIndexOf(open);
        if (from < 0) {
            return "";
        }
        int depth = 1;
        for (int i = from + open.length(); i < solution.length(); i++) {
            char c = solution.charAt(i);
            if (c == '\\') {
                i++;
            } else if (c == '{') {
                depth++;
            } else if (c == '}' && --depth == 0) {
                return solution.substring(from + open.length(), i).strip();
            }
        }
        return "";
    }
}
