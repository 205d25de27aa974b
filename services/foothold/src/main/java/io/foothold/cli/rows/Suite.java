package io.foothold.cli.rows;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.augmentation.problems.Recipe;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** Benchmarks that are reported together. Their files are the user's: none is fetched, none is shipped. */
public final class Suite {
    /**
     * One benchmark.
     *
     * @param name file name without its ending
     * @param recipe how its rows are read
     * @param rows which of them count
     */
    public record Benchmark(String name, Recipe recipe, Predicate<JsonNode> rows) {}

    private static final List<String> ENDINGS = List.of(".jsonl", ".parquet", ".csv", ".json");

    /** The ten of the SRPO paper (arXiv 2605.25507) as its authors' scripts read them: greedy, 500 items at most, seed 42. */
    private static final List<Benchmark> SRPO = List.of(
            new Benchmark("numinamath_olympiads", Recipe.NUMINA_OLYMPIADS, row -> true),
            new Benchmark("acereason_math", Recipe.ACEREASON_MATH, row -> true),
            new Benchmark("csqa", Recipe.CHOICES, row -> true),
            new Benchmark("sciknoweval_chemistry", Recipe.CHOICES, row -> true),
            new Benchmark("sciknoweval_physics", Recipe.CHOICES, row -> true),
            new Benchmark("sciknoweval_biology", Recipe.CHOICES, row -> true),
            new Benchmark("sciknoweval_materials", Recipe.CHOICES, row -> true),
            new Benchmark("hmmt_nov_2025", Recipe.MATHARENA, row -> true),
            new Benchmark("math_level5", Recipe.MATH, row -> row.path("level")
                    .asText("Level 5")
                    .endsWith("5")),
            new Benchmark("strategyqa", Recipe.STRATEGYQA, row -> true));

    private static final Map<String, List<Benchmark>> SUITES = Map.of("srpo-10", SRPO);

    private Suite() {}

    /** The suites' names. */
    public static List<String> names() {
        return SUITES.keySet().stream().sorted().toList();
    }

    /** The benchmarks of a suite. */
    public static List<Benchmark> named(String name) {
        List<Benchmark> suite = SUITES.get(name);
        if (suite == null) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    "unknown suite '" + name + "'" + Nearest.hint(name, List.copyOf(SUITES.keySet())));
        }
        return suite;
    }

    /** The benchmark's file in a directory. */
    public static Optional<Path> file(Path directory, Benchmark benchmark) {
        return ENDINGS.stream()
                .map(e -> directory.resolve(benchmark.name() + e))
                .filter(Files::exists)
                .findFirst();
    }
}
