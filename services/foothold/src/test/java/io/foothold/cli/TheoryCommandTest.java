package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class TheoryCommandTest {
    @TempDir
    Path directory;

    @Test
    void writesAPageWithBothFiguresAndTheTable() throws Exception {
        assertThat(new CommandLine(new TheoryCommand()).execute("--report", directory.toString()))
                .isZero();
        assertThat(Files.readString(directory.resolve("theory.html")))
                .contains(
                        "aria-label=\"samples of an iteration\"",
                        "aria-label=\"improvement of an iteration\"",
                        ">random resets</text>",
                        ">p = 0.01</text>",
                        "<pre>signal per sampled token over GRPO")
                .doesNotContain("NOT_FOUND");
    }
}
