package io.foothold.cli.hub;

import io.foothold.augmentation.problems.Import;
import io.foothold.augmentation.problems.Recipe;
import io.foothold.cli.rows.ParquetRows;
import io.foothold.cli.rows.ProblemLines;
import io.foothold.contracts.digest.TextDigest;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.Segmenter;
import io.foothold.core.settings.ProblemSettings;
import io.foothold.verifier.answer.Judge;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** Data sets of a hub as files of problems, each made once. */
public final class HubProblems {
    private final Hub hub;
    private final Path directory;
    private final PrintStream progress;

    /**
     * Data sets.
     *
     * @param directory where the files of problems are kept
     * @param progress where it is told what was left out
     */
    public HubProblems(Hub hub, Path directory, PrintStream progress) {
        this.hub = hub;
        this.directory = directory;
        this.progress = progress;
    }

    /** Where Foothold keeps what it makes of what others made. */
    public static Path cache(Map<String, String> environment) {
        String own = environment.getOrDefault("FOOTHOLD_CACHE", "");
        String others = environment.getOrDefault("XDG_CACHE_HOME", "");
        String home = others.isEmpty() ? System.getProperty("user.home") + "/.cache" : others;
        return Path.of(own.isEmpty() ? home + "/foothold" : own)
                .toAbsolutePath()
                .normalize();
    }

    /**
     * The problems of a split.
     *
     * @param asked with hub, recipe, split, and perhaps config, count and seed
     * @param delimiter that ends thoughts, for the segmenter of that name
     * @return the file of problems, and the data set at its commit
     * @throws FootholdException as {@link Hub#model}, or INVALID_DATA for rows that are none of the recipe
     */
    public Hub.Found of(HubName name, ProblemSettings.Source asked, String delimiter) {
        Recipe recipe = Recipe.named(asked.recipe());
        Segmenter segmenter = Segmenter.named(asked.segmenter(), delimiter);
        Optional<HubName> known = hub.pinned(name);
        if (known.isPresent() && Files.exists(file(known.get(), asked, delimiter))) {
            return new Hub.Found(file(known.get(), asked, delimiter), known.get());
        }
        Hub.Rows rows = hub.rows(name, asked.config(), asked.split());
        Path file = file(rows.name(), asked, delimiter);
        if (!Files.exists(file)) {
            write(file, problems(rows, recipe, segmenter, asked));
        }
        return new Hub.Found(file, rows.name());
    }

    /** Where the problems lie that are asked for of a data set at a commit. */
    private Path file(HubName name, ProblemSettings.Source asked, String delimiter) {
        String parameters = String.join(
                "\n",
                name.toString(),
                asked.config(),
                asked.split(),
                asked.recipe(),
                asked.segmenter(),
                delimiter,
                Integer.toString(asked.count()),
                Long.toString(asked.seed()));
        return directory.resolve(name.id().replace("/", "--") + "-"
                + TextDigest.sha256(parameters).substring(0, 16) + ".jsonl");
    }

    private List<Problem> problems(Hub.Rows rows, Recipe recipe, Segmenter segmenter, ProblemSettings.Source asked) {
        List<Problem> all = new ArrayList<>();
        Map<String, Integer> refused = new TreeMap<>();
        Set<String> statements = new HashSet<>();
        Set<String> ids = new HashSet<>();
        for (Path part : rows.files()) {
            Import read = Import.read(
                    part,
                    ParquetRows.of(part),
                    recipe,
                    asked.seed(),
                    segmenter,
                    row -> true,
                    p -> Judge.form(p.kind(), p.answer()));
            read.refused().forEach((why, count) -> refused.merge(why, count, Integer::sum));
            for (Problem problem : read.problems()) {
                if (!statements.add(problem.statement().strip())) {
                    refused.merge("the same problem again", 1, Integer::sum);
                } else {
                    all.add(unique(problem.withSplit(asked.split()), ids));
                }
            }
        }
        progress.println(rows.name() + ": " + all.size() + " problems; left out: " + refused);
        if (all.isEmpty()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    "data set " + rows.name() + " has no problem of recipe " + asked.recipe() + "; left out: "
                            + refused);
        }
        return asked.count() == 0
                ? all
                : new Import(all, refused).draw(Path.of(rows.name().toString()), asked.count(), asked.seed());
    }

    /** Rows that have no id of their own are known by their number, which begins again in every file. */
    private static Problem unique(Problem problem, Set<String> ids) {
        String id = problem.id();
        for (int i = 2; !ids.add(id); i++) {
            id = problem.id() + "-" + i;
        }
        return id.equals(problem.id())
                ? problem
                : new Problem(
                        id,
                        problem.statement(),
                        problem.kind(),
                        problem.answer(),
                        problem.oracleThoughts(),
                        problem.source(),
                        problem.split(),
                        problem.maxTokens());
    }

    private static void write(Path file, List<Problem> problems) {
        StringBuilder text = new StringBuilder();
        problems.forEach(p -> text.append(ProblemLines.of(p)).append('\n'));
        try {
            Path parent = file.toAbsolutePath().getParent();
            Files.createDirectories(parent);
            Path fresh = Files.createTempFile(parent, ".problems", "");
            Files.writeString(fresh, text);
            Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
        }
    }
}
