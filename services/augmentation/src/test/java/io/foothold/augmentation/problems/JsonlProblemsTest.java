package io.foothold.augmentation.problems;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.problem.Problem;
import io.foothold.core.problem.Segmenter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rows of problems: what is meant is read, everything else is refused with its line. */
class JsonlProblemsTest {
    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void name() {
        file = directory.resolve("p.jsonl");
    }

    private List<Problem> read(String text) throws IOException {
        Files.writeString(file, text);
        return JsonlProblems.read(file, Segmenter.line());
    }

    private Problem only(String row) throws IOException {
        return read(row.replace('`', '"')).getFirst();
    }

    @Test
    void whatMiningSawOfAProblemIsPassedOver() throws IOException {
        assertThat(only("{`problem`:`p`,`answer`:`1`,`mined`:{`passes`:0,`samples`:320,`low`:0,`high`:0.0119}}"))
                .isEqualTo(only("{`problem`:`p`,`answer`:`1`}"));
    }

    @Test
    void aByteOrderMarkIsSkippedAndAWrongByteIsNamedWithItsLine() throws IOException {
        assertThat(read("\uFEFF{\"problem\":\"p\",\"answer\":\"1\"}\r\n\r\n{\"problem\":\"q\",\"answer\":\"2\"}"))
                .extracting(Problem::id)
                .containsExactly("p.jsonl:1", "p.jsonl:3");
        Files.write(
                file,
                "{\"problem\":\"p\",\"answer\":\"1\"}\n{\"problem\":\"é\"}\n".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> JsonlProblems.read(file, Segmenter.line()))
                .hasMessage(file + ":2: byte 13 of the line is not UTF-8");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '#',
            value = {
                "42 | 42",
                "0.1 | 0.1",
                "2.50 | 2.50",
                "-7 | -7",
                "12345678901234567890 | 12345678901234567890",
                "0.1000000000000000055511151231257827 | 0.1000000000000000055511151231257827",
                "1e5 | 100000",
                "0 | 0",
                "0.0 | 0.0",
                "`x^2` | x^2",
                "` 7 ` |# 7 #",
                "`true` | true",
                "`1E400` | 1E400",
            })
    void answersThatAreTaken(String json, String answer) throws IOException {
        assertThat(only("{`problem`:`p`,`answer`:" + json + "}").answer()).isEqualTo(answer);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '#',
            value = {
                "true | 'answer' is true",
                "false | 'answer' is false",
                "null | 'answer' is null",
                "[1] | 'answer' is a list",
                "[] | 'answer' is a list",
                "{`a`:1} | 'answer' is an object",
                "1E400 | 'answer' is a number that cannot be compared",
                "-1E400 | 'answer' is a number that cannot be compared",
                "1E-400 | 'answer' is a number that cannot be compared",
                "1E999999999 | 'answer' is a number that cannot be compared",
                "`` | 'answer' is empty",
                "` ` | 'answer' is empty",
                "`$$` | 'answer' holds nothing but marks: '$$'",
                "`$ $` | holds nothing but marks",
                "`\\\\boxed{}` | holds nothing but marks",
                "`\\\\(\\\\,\\\\)` | holds nothing but marks",
                "NaN | not JSON",
                "Infinity | not JSON",
                "1 2 | not JSON",
                "1,`answer`:2 | the same key stands twice",
            })
    void answersThatAreRefused(String json, String why) {
        assertThatThrownBy(() -> read("{\"problem\":\"p\",\"answer\":\"1\"}\n"
                        + ("{`problem`:`p`,`answer`:" + json + "}").replace('`', '"')))
                .hasMessageStartingWith(file + ":2: ")
                .hasMessageContaining(why);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '#',
            value = {
                "`thoughts`:`one text` | 'thoughts' is a text (expected a list of texts; one text goes into 'solution')",
                "`thoughts`:[1,null,{}] | thought 1 of 3 is a number",
                "`thoughts`:[`a`,null] | thought 2 of 2 is null",
                "`thoughts`:[`a`,{}] | thought 2 of 2 is an object",
                "`thoughts`:[``] | thought 1 of 1 is empty",
                "`thoughts`:{} | 'thoughts' is an object",
                "`thoughts`:true | 'thoughts' is true",
                "`solution`:[`a`] | 'solution' is a list",
                "`solution`:7 | 'solution' is a number",
                "`id`:[] | 'id' is a list",
                "`id`:` ` | 'id' is empty",
                "`id`:1.5 | 'id' is a number",
                "`split`:3 | 'split' is a number",
                "`source`:`` | 'source' is empty",
                "`kind`:`Exact` | unknown kind 'Exact' (did you mean 'exact'?)",
                "`kind`:7 | 'kind' is a number",
                "`max_tokens`:-3 | 'max_tokens' is '-3' (expected a whole number",
                "`max_tokens`:1.5 | 'max_tokens' is '1.5'",
                "`max_tokens`:`many` | 'max_tokens' is 'many'",
                "`max_tokens`:10000000000 | 'max_tokens' is '10000000000'",
                "`max_tokens`:[1] | 'max_tokens' is a list",
                "`thoughs`:[] | unknown key 'thoughs' (did you mean 'thoughts'?)",
            })
    void otherKeysOfAWrongTypeAreRefused(String keys, String why) {
        assertThatThrownBy(() -> only("{`problem`:`p`,`answer`:`1`," + keys + "}"))
                .hasMessageStartingWith(file + ":1: ")
                .hasMessageContaining(why);
    }

    @Test
    void otherKeysAreReadAsMeant() throws IOException {
        Problem p = only("{`problem`:`p`,`answer`:`1`,`id`:7,`thoughts`:null,`solution`:`a\\nb`,`max_tokens`:`64`}");
        assertThat(p.id()).isEqualTo("7");
        assertThat(p.oracleThoughts()).containsExactly("a\n", "b");
        assertThat(p.maxTokens()).isEqualTo(64);
        assertThatThrownBy(() -> read("{\"problem\":7,\"answer\":\"1\"}"))
                .hasMessageContaining("'problem' is a number");
        assertThatThrownBy(() -> read("{\"answer\":\"1\"}")).hasMessageContaining("'problem' is missing");
        assertThatThrownBy(
                        () -> read(
                                "{\"problem\":\"p\",\"answer\":\"1\",\"id\":1}\n{\"problem\":\"p\",\"answer\":\"1\",\"id\":\"1\"}"))
                .hasMessageContaining(":2: id '1' appears twice");
        assertThat(only("{`problem`:`p`,`answer`:`$$`,`kind`:`text`}").answer()).isEqualTo("$$");
    }

    /** Whoever may have a file read must not learn from refusals what it holds. */
    @Test
    void whatStandsInAFileThatIsNoJsonIsNotTold() {
        for (String text :
                List.of("root:x:0:0\n", "\"secret\"", "{secret}", "{\"a\":secret}", "[\"secret\"]", "{\"secret\"")) {
            assertThatThrownBy(() -> read(text))
                    .as(text)
                    .hasMessageStartingWith(file + ":1: ")
                    .hasMessageNotContainingAny("secret", "root")
                    .hasNoCause();
        }
    }
}
