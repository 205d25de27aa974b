package io.foothold.augmentation.problems;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.Segmenter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Rows of a file as problems, by a recipe: those that the caller keeps, each statement once.
 *
 * @param problems in the order of the file
 * @param refused rows that were left out, by reason
 */
public record Import(List<Problem> problems, Map<String, Integer> refused) {
    /**
     * Reads a file.
     *
     * @param file named in messages
     * @param keep which rows are wanted
     * @param fault what is wrong with a problem's answer; such a problem is left out
     * @throws FootholdException INVALID_DATA with file and line for a row that is none of the data set
     */
    public static Import read(
            Path file,
            Rows rows,
            Recipe recipe,
            long seed,
            Segmenter segmenter,
            Predicate<JsonNode> keep,
            Function<Problem, Optional<String>> fault) {
        List<Problem> kept = new ArrayList<>();
        Map<String, Integer> refused = new TreeMap<>();
        Set<String> statements = new HashSet<>();
        rows.read(file, (number, row) -> {
            try {
                if (!keep.test(row)) {
                    refused.merge("not asked for", 1, Integer::sum);
                    return;
                }
                Problem problem = recipe.problem(row, new Recipe.Context(number, seed, segmenter));
                if (!statements.add(problem.statement().strip())) {
                    refused.merge("the same problem again", 1, Integer::sum);
                } else if (fault.apply(problem).isPresent()) {
                    refused.merge("answer that nothing can be judged by", 1, Integer::sum);
                } else {
                    kept.add(problem);
                }
            } catch (Recipe.Refused e) {
                refused.merge(String.valueOf(e.getMessage()), 1, Integer::sum);
            } catch (FootholdException e) {
                throw new FootholdException(ErrorCode.INVALID_DATA, file + ":" + number + ": " + e.text(), e);
            }
        });
        return new Import(List.copyOf(kept), refused);
    }

    /**
     * So many problems in an order drawn from the seed.
     *
     * @throws FootholdException INVALID_DATA when there are fewer
     */
    public List<Problem> draw(Path file, int count, long seed) {
        if (problems.size() < count) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    file + " has " + problems.size() + " problems of this recipe, fewer than the " + count
                            + " asked for; left out: " + refused);
        }
        List<Problem> shuffled = new ArrayList<>(problems);
        Collections.shuffle(shuffled, new Random(seed));
        return List.copyOf(shuffled.subList(0, count));
    }
}
