package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** Graded cases are read by the rule for the answers of problems. */
class VerifyCasesTest {
    @TempDir
    Path directory;

    private String failure(String rows) throws Exception {
        Path cases = Files.writeString(directory.resolve("cases.jsonl"), rows);
        AtomicReference<String> text = new AtomicReference<>("");
        new CommandLine(new VerifyCommand())
                .setExecutionExceptionHandler((e, command, parsed) -> {
                    text.set(String.valueOf(e.getMessage()));
                    return 2;
                })
                .execute(
                        "--cases",
                        cases.toString(),
                        "--out",
                        directory.resolve("out.jsonl").toString());
        return text.get();
    }

    @Test
    void numbersAndAMarkAtTheStartAreTaken() throws Exception {
        assertThat(failure("\uFEFF{\"id\":\"a\",\"gold\":42,\"prediction\":\"so \\\\boxed{42}\"}\r\n\r\n"
                        + "{\"id\":\"b\",\"gold\":0.10,\"prediction\":0.2}\n"))
                .isEmpty();
        assertThat(Files.readAllLines(directory.resolve("out.jsonl")))
                .satisfiesExactly(
                        a -> assertThat(a).contains("\"id\":\"a\"", "\"verdict\":\"pass\""),
                        b -> assertThat(b).contains("\"id\":\"b\"", "\"verdict\":\"fail\""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '#',
            value = {
                "true | 'gold' is true (expected a text or a number)",
                "null | 'gold' is null",
                "[1] | 'gold' is a list",
                "1E400 | 'gold' is a number that cannot be compared",
                "1,`gold`:2 | the same key stands twice",
            })
    void whatNoProblemMayHaveIsRefusedHereToo(String gold, String why) throws Exception {
        assertThat(failure("{\"gold\":1,\"prediction\":\"1\"}\n"
                        + "{`gold`:%s,`prediction`:`1`}".formatted(gold).replace('`', '"')))
                .contains("cases.jsonl:2: " + why);
    }
}
