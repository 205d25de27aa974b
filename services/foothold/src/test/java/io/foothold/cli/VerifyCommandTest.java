package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.FootholdException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Answers judged from the command line. */
class VerifyCommandTest {
    @TempDir
    Path directory;

    private static String printed(String... arguments) throws IOException {
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            CommandLine.populateCommand(new VerifyCommand(), arguments).call();
        } finally {
            System.setOut(before);
        }
        return out.toString(StandardCharsets.UTF_8).strip();
    }

    @Test
    void aResponseThatBeginsInsideAThoughtHasNoAnswerBeforeItsEnd() throws IOException {
        String[] inThought = {
            "--strict", "--gold", "4", "--prediction", "try \\boxed{4}, but wait", "--opens-in-thought"
        };
        assertThat(printed(inThought)).isEqualTo("UNPARSEABLE");
        assertThat(printed(List.of(inThought).subList(0, 5).toArray(String[]::new)))
                .isEqualTo("PASS");
        assertThat(printed("--gold", "4", "--prediction", "5?</think> \\boxed{4}", "--opens-in-thought"))
                .isEqualTo("PASS");
    }

    @Test
    void aCaseSaysForItselfWhetherItsResponseBeginsInsideAThought() throws IOException {
        Path cases = Files.writeString(directory.resolve("cases.jsonl"), """
                {"id":"a","gold":"4","prediction":"so \\\\boxed{4}","note":"form=response","response_opens_in_thought":true}
                {"id":"b","gold":"4","prediction":"so \\\\boxed{4}","note":"form=response","response_opens_in_thought":false}
                {"id":"c","gold":"4","prediction":"4","note":"form=answer"}
                """);
        Path verdicts = directory.resolve("verdicts.jsonl");
        printed("--cases", cases.toString(), "--out", verdicts.toString());
        assertThat(Files.readAllLines(verdicts))
                .satisfiesExactly(
                        a -> assertThat(a).contains("\"verdict\":\"unparseable\""),
                        b -> assertThat(b).contains("\"verdict\":\"pass\""),
                        c -> assertThat(c).contains("\"verdict\":\"pass\""));
    }

    @Test
    void anythingButTrueOrFalseIsRefusedWithItsLine() throws IOException {
        Path cases = Files.writeString(
                directory.resolve("cases.jsonl"),
                "{\"gold\":\"4\",\"prediction\":\"4\"}\n{\"gold\":\"4\",\"prediction\":\"4\",\"response_opens_in_thought\":\"yes\"}\n");
        assertThatThrownBy(() -> printed("--cases", cases.toString()))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining(":2: 'response_opens_in_thought' is \"yes\" (expected true or false)");
    }
}
