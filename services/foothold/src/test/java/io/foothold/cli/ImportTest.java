package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.augmentation.problems.Import;
import io.foothold.augmentation.problems.Recipe;
import io.foothold.cli.rows.Suite;
import io.foothold.cli.rows.Where;
import io.foothold.core.problem.Segmenter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Public data sets as files. */
class ImportTest {
    private static final Path DAPO =
            Path.of(System.getProperty("foothold.root"), "services/foothold/src/test/resources/parquet/dapo.parquet");

    @TempDir
    Path directory;

    private static Import read(Path file, Recipe recipe, String... where) {
        return ProblemsCommand.read(file, recipe, Where.all(List.of(where)), 1, Segmenter.line());
    }

    @Test
    void parquetWithNestedColumnsIsReadAndRepeatedPromptsAreDropped() {
        Import read = read(DAPO, Recipe.VERL);
        assertThat(read.problems()).hasSize(5);
        assertThat(read.problems().get(1).statement()).isEqualTo("What is 1 + 7?");
        assertThat(read.problems().get(1).answer()).isEqualTo("8");
        assertThat(read.refused())
                .containsEntry("the same problem again", 6)
                .containsEntry("answer that nothing can be judged by", 1);
        assertThatThrownBy(() -> read(DAPO, Recipe.MATH)).hasMessageContaining("dapo.parquet:1: column 'solution'");
        assertThatThrownBy(() -> read(directory.resolve("x.parquet"), Recipe.MATH))
                .hasMessageContaining("does not exist");
    }

    @Test
    void whatIsNoParquetIsRefused() throws Exception {
        Path file = Files.writeString(directory.resolve("x.parquet"), "no parquet at all");
        assertThatThrownBy(() -> read(file, Recipe.MATH)).hasMessageContaining("x.parquet");
    }

    @Test
    void conditionsChooseRows() throws Exception {
        Path file = Files.writeString(directory.resolve("o.jsonl"), """
                {"problem":"a","answer":"1","difficulty":4.5,"source":"x"}
                {"problem":"b","answer":"2","difficulty":5.0,"source":"x"}
                {"problem":"c","answer":"3","difficulty":8,"source":"y"}
                {"problem":"d","answer":"4","difficulty":"8.5","source":"y"}
                """);
        assertThat(read(file, Recipe.OMNI_MATH, "difficulty=5..8").problems())
                .extracting(p -> p.statement())
                .containsExactly("b", "c");
        assertThat(read(file, Recipe.OMNI_MATH, "difficulty=5..8", "source=y").problems())
                .extracting(p -> p.statement())
                .containsExactly("c");
        assertThatThrownBy(() -> read(file, Recipe.OMNI_MATH, "level=5")).hasMessageContaining("no column 'level'");
        assertThatThrownBy(() -> Where.all(List.of("level"))).hasMessageContaining("expected COLUMN=VALUE");
    }

    @Test
    void aSuiteFindsItsFilesWhateverTheyEndIn() throws Exception {
        Files.writeString(directory.resolve("csqa.json"), "[]");
        assertThat(Suite.named("srpo-10")).hasSize(10);
        assertThat(Suite.named("srpo-10").stream()
                        .filter(b -> Suite.file(directory, b).isPresent())
                        .map(Suite.Benchmark::name))
                .containsExactly("csqa");
        assertThatThrownBy(() -> Suite.named("srpo10")).hasMessageContaining("unknown suite 'srpo10' (did you mean");
    }
}
