package io.foothold.cli.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.orchestrator.runfile.RunFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run file names and is not there: said with the place of the setting, before anything starts. */
class NamedPathsTest {
    @TempDir
    Path directory;

    @BeforeEach
    void files() throws Exception {
        Files.createDirectory(directory.resolve("base"));
        Files.writeString(directory.resolve("train.jsonl"), "{}");
        Files.writeString(directory.resolve("test.jsonl"), "{}");
    }

    private RunFile plan(String base, String train, String test, String... overrides) {
        return RunFile.resolve("run.yaml", """
                method: grpo
                policy:
                  base: %1$s/%2$s
                problems:
                  train: {jsonl: %1$s/%3$s}
                  evaluate:
                    all: {jsonl: %1$s/%4$s}
                """.formatted(directory, base, train, test), List.of(overrides));
    }

    private static AbstractThrowableAssert<?, ?> refused(RunFile plan) {
        return assertThatThrownBy(() -> NamedPaths.check(plan));
    }

    @Test
    void whatIsThereIsNotRefused() {
        RunFile plan = plan("base", "train.jsonl", "test.jsonl");
        NamedPaths.check(plan);
        assertThat(FileRoots.of(plan))
                .containsExactly(
                        directory.resolve("base"), directory.resolve("train.jsonl"), directory.resolve("test.jsonl"));
    }

    @Test
    void eachThatIsAbsentIsNamedWithItsLineAndTheNearestName() {
        refused(plan("bsae", "train.jsonl", "test.jsonl"))
                .hasMessageContaining("run.yaml:3: 'policy.base': there is no directory " + directory.resolve("bsae"))
                .hasMessageContaining("did you mean 'base'?");
        refused(plan("base", "trian.jsonl", "test.jsonl"))
                .hasMessageContaining("run.yaml:5: 'problems.train.jsonl': there is no file")
                .hasMessageContaining("did you mean 'train.jsonl'?");
        refused(plan("base", "train.jsonl", "data/test.jsonl"))
                .hasMessageContaining("run.yaml:7: 'problems.evaluate.all.jsonl': there is no file")
                .hasMessageEndingWith(", nor " + directory.resolve("data"));
    }

    @Test
    void aSettingOfTheCommandLineIsBlamedItself() {
        refused(plan("base", "train.jsonl", "test.jsonl", "policy.base=" + directory.resolve("other")))
                .hasMessageContaining(
                        "--set policy.base=" + directory.resolve("other") + ": 'policy.base': there is no directory");
    }

    @Test
    void aFileIsNoDirectoryAndADirectoryNoFile() {
        refused(plan("train.jsonl", "train.jsonl", "test.jsonl"))
                .hasMessageEndingWith(directory.resolve("train.jsonl") + " is no directory");
        refused(plan("base", "base", "test.jsonl")).hasMessageEndingWith(directory.resolve("base") + " is a directory");
    }

    @Test
    void whereACommandNamesItsPoliciesTheBaseMayBeAbsent() {
        NamedPaths.checkProblems(plan("bsae", "train.jsonl", "test.jsonl"));
        assertThatThrownBy(() -> NamedPaths.checkProblems(plan("bsae", "trian.jsonl", "test.jsonl")))
                .hasMessageContaining("problems.train.jsonl");
    }
}
