package io.foothold.augmentation.problems;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.FootholdException;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.problem.Segmenter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.zip.DeflaterOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Small rows of our own in the columns of public data sets. */
class RecipeTest {
    @TempDir
    Path directory;

    private Import read(String name, String text, String recipe, long seed) throws IOException {
        Path file = Files.writeString(directory.resolve(name), text);
        return Import.read(
                file, Rows.of(file), Recipe.named(recipe), seed, Segmenter.line(), r -> true, p -> Optional.empty());
    }

    private Problem only(String recipe, String row) throws IOException {
        Import read = read("rows.jsonl", row + "\n", recipe, 1);
        assertThat(read.refused()).isEmpty();
        assertThat(read.problems()).hasSize(1);
        return read.problems().get(0);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "numina-cot | {`source`:`cn_k12`,`problem`:`1+1?`,`solution`:`First.\\nSo $\\\\boxed{2}$`} | MATH | 1+1? | 2",
                "math | {`problem`:`1+1?`,`level`:`Level 5`,`type`:`Algebra`,`solution`:`\\\\boxed{\\\\frac{1}{2}}`} | MATH | 1+1? | \\frac{1}{2}",
                "math-500 | {`problem`:`1+1?`,`solution`:`x`,`answer`:`2`,`level`:5} | MATH | 1+1? | 2",
                "omni-math | {`domain`:[`a`],`difficulty`:5.5,`problem`:`1+1?`,`solution`:`s`,`answer`:`2`,`source`:`x`} | MATH | 1+1? | 2",
                "acereason-math | {`problem`:`1+1?`,`answer`:2} | MATH | 1+1? | 2",
                "matharena | {`problem_idx`:1,`problem`:`1+1?`,`answer`:`204`,`problem_type`:[`x`]} | MATH | 1+1? | 204",
                "matharena | {`id`:1,`question`:`1+1?`,`Answer`:204} | MATH | 1+1? | 204",
                "verl | {`data_source`:`math_dapo`,`prompt`:[{`role`:`user`,`content`:`Solve the following math problem step by step. The last line is so.\\n\\n1+1?\\n\\nRemember to put your answer on its own line after \\`Answer:\\`.`}],`reward_model`:{`ground_truth`:`2`,`style`:`rule`},`extra_info`:{`index`:`7`}} | MATH | 1+1? | 2",
                "choices | {`question`:`Which?`,`choices`:{`label`:[`A`,`B`],`text`:[`cat`,`dog`]},`answerKey`:`B`} | CHOICE | Which?¶¶A. cat¶B. dog | B",
                "choices | {`question`:`Which?`,`choices`:{`label`:[],`text`:[]},`answerKey`:``,`answer`:`a dog`} | TEXT | Which? | a dog",
                "mmlu-pro | {`question`:`Which?`,`options`:[`cat`,`dog`],`answer`:`B`,`answer_index`:1} | CHOICE | Which?¶¶A. cat¶B. dog | B",
                "strategyqa | {`qid`:`1`,`question`:`Is it?`,`answer`:true,`facts`:[]} | TEXT | Is it? | yes",
                "strategyqa | {`question`:`Is it?`,`answer`:`No`} | TEXT | Is it? | no",
                "humaneval | {`task_id`:`H/0`,`prompt`:`def f(x):`,`entry_point`:`f`,`test`:`def check(c): pass`,`canonical_solution`:``} | CODE | def f(x): | {`check`:`def check(c): pass`,`entry_point`:`f`}",
                "mbpp | {`text`:`Write f.`,`test_list`:[`assert f(1) == 1`],`test_setup_code`:``} | CODE | Write f.¶¶Your code should pass these tests:¶assert f(1) == 1 | {`asserts`:[`assert f(1) == 1`]}",
            })
    void aRowBecomesAProblem(String recipe, String row, ProblemKind kind, String statement, String answer)
            throws IOException {
        Problem p = only(recipe, row.replace("\\`", "\\\"").replace('`', '"'));
        assertThat(p.kind()).isEqualTo(kind);
        assertThat(p.statement()).isEqualTo(statement.replace('¶', '\n'));
        assertThat(p.answer()).isEqualTo(answer.replace('`', '"'));
        assertThat(p.id()).isEqualTo(recipe + "-1");
    }

    private static String packed(String tests) throws IOException {
        byte[] text = tests.getBytes(StandardCharsets.UTF_8);
        ByteArrayOutputStream pickle = new ByteArrayOutputStream();
        pickle.write(new byte[] {(byte) 0x80, 4, (byte) 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 'X'});
        pickle.write(new byte[] {(byte) text.length, (byte) (text.length >> 8), 0, 0});
        pickle.write(text);
        pickle.write(new byte[] {(byte) 0x94, '.'});
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (DeflaterOutputStream out = new DeflaterOutputStream(zipped)) {
            out.write(pickle.toByteArray());
        }
        return Base64.getEncoder().encodeToString(zipped.toByteArray());
    }

    @Test
    void liveCodeBenchGivesItsPublicAndPackedTests() throws IOException {
        String row = "{\"question_content\":\"Add.\",\"starter_code\":\"def add(a, b):\",\"difficulty\":\"medium\","
                + "\"public_test_cases\":\"[{\\\"input\\\":\\\"1\\\\n2\\\",\\\"output\\\":\\\"3\\\",\\\"testtype\\\":\\\"functional\\\"}]\","
                + "\"private_test_cases\":\""
                + packed(
                        "[{\"input\":\"2\\n2\",\"output\":\"4\",\"testtype\":\"functional\"},{\"input\":\"é\",\"output\":\"5\"}]")
                + "\",\"metadata\":\"{\\\"func_name\\\": \\\"add\\\"}\"}";
        Problem p = only("livecodebench", row);
        assertThat(p.kind()).isEqualTo(ProblemKind.CODE);
        assertThat(p.statement()).isEqualTo("Add.\n\nBegin with this code:\n```python\ndef add(a, b):\n```");
        assertThat(p.answer())
                .isEqualTo("{\"tests\":[{\"input\":\"1\\n2\",\"output\":\"3\"},{\"input\":\"2\\n2\",\"output\":\"4\"},"
                        + "{\"input\":\"é\",\"output\":\"5\"}],\"function\":\"add\"}");
        TestHalves halves = TestHalves.of(p, 3);
        assertThat(halves).isEqualTo(TestHalves.of(p, 3));
        Set<String> tests = new HashSet<>();
        for (Problem half : List.of(halves.train(), halves.held())) {
            assertThat(half.answer()).contains("\"function\":\"add\"");
            for (String output : List.of("3", "4", "5")) {
                if (half.answer().contains("\"output\":\"" + output + "\"")) {
                    assertThat(tests.add(output))
                            .as("a test is in one half only")
                            .isTrue();
                }
            }
        }
        assertThat(tests).hasSize(3);
    }

    @Test
    void aPickleThatIsNoStringIsRefused() {
        assertThatThrownBy(() -> PackedTests.unpack("no base64!"))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("private_test_cases cannot be unpacked");
        byte[] evil = {(byte) 0x80, 2, 'c', 'o', 's', '\n', 's', 'y', 's', 't', 'e', 'm', '\n', '.'};
        assertThatThrownBy(() -> PackedTests.unpack(zipped(evil))).hasMessageContaining("something else than a string");
        assertThatThrownBy(() -> PackedTests.unpack(zipped(new byte[] {'X', 100, 0, 0, 0, 'a'})))
                .hasMessageContaining("cut off");
    }

    private static String zipped(byte[] bytes) throws IOException {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (DeflaterOutputStream out = new DeflaterOutputStream(zipped)) {
            out.write(bytes);
        }
        return Base64.getEncoder().encodeToString(zipped.toByteArray());
    }

    @Test
    void gpqaChoicesAreShuffledBySeedAndTheLetterFollows() throws IOException {
        StringBuilder csv = new StringBuilder(
                "Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3,Canary String\n");
        for (int i = 0; i < 40; i++) {
            csv.append("\"What, then? ").append(i).append("\",right,wrong1,\"wrong\n2\",wrong3,canary\n");
        }
        Import one = read("gpqa.csv", csv.toString(), "gpqa", 1);
        assertThat(one.problems()).hasSize(40).allSatisfy(p -> assertThat(p.statement())
                .contains("What, then? ")
                .contains("\n" + p.answer() + ". right"));
        assertThat(one.problems().stream().map(Problem::answer).distinct()).hasSize(4);
        assertThat(read("gpqa.csv", csv.toString(), "gpqa", 1)).isEqualTo(one);
        assertThat(read("gpqa.csv", csv.toString(), "gpqa", 2)).isNotEqualTo(one);
    }

    @Test
    void whatIsLeftOutIsCounted() throws IOException {
        String rows = "[{\"source\":\"olympiads\",\"problem\":\"P\",\"solution\":\"\\\\boxed{7}\"},"
                + "{\"source\":\"olympiads\",\"problem\":\"P \",\"solution\":\"\\\\boxed{7}\"},"
                + "{\"source\":\"amc\",\"problem\":\"Q\",\"solution\":\"\\\\boxed{7}\"},"
                + "{\"source\":\"olympiads\",\"problem\":\"R\",\"solution\":\"7\"},"
                + "{\"source\":\"olympiads\",\"problem\":\"S\",\"solution\":\"\\\\boxed{C}\"},"
                + "{\"source\":\"olympiads\",\"problem\":\" \",\"solution\":\"\\\\boxed{7}\"}]";
        Import read = read("numina.json", rows, "numina-olympiads", 1);
        assertThat(read.refused())
                .isEqualTo(Map.of(
                        "another source", 1, "no boxed answer", 1, "the same problem again", 1, "no problem text", 1));
        assertThat(read.problems().stream().map(Problem::kind)).containsExactly(ProblemKind.MATH, ProblemKind.CHOICE);
        Path file = directory.resolve("numina.json");
        assertThat(read.draw(file, 2, 5)).hasSize(2).isEqualTo(read.draw(file, 2, 5));
        assertThatThrownBy(() -> read.draw(file, 3, 5))
                .hasMessageContaining(
                        "2 problems of this recipe, fewer than the 3 asked for; left out: {another source=1");
        Import faulty = Import.read(
                file,
                Rows.of(file),
                Recipe.NUMINA_OLYMPIADS,
                1,
                Segmenter.line(),
                r -> !r.path("source").asText().equals("amc"),
                p -> Optional.of("no"));
        assertThat(faulty.refused())
                .containsEntry("answer that nothing can be judged by", 2)
                .containsEntry("not asked for", 1);
    }

    @Test
    void rowsOfAnotherShapeNameFileLineAndColumns() {
        assertThatThrownBy(() -> read("a.jsonl", "\n{\"problem\":\"x\"}\n", "math-500", 1))
                .hasMessageContaining("a.jsonl:2: column 'answer' is missing; the row has [problem]");
        assertThatThrownBy(() -> read("a.jsonl", "{\"problem\"\n", "math-500", 1))
                .hasMessageContaining("a.jsonl:1: not JSON");
        assertThatThrownBy(() -> read("a.jsonl", "[1]\n", "math-500", 1))
                .hasMessageContaining("a.jsonl:1: expected a JSON object, found a list");
        assertThatThrownBy(() -> read("a.txt", "", "math-500", 1)).hasMessageContaining("named .jsonl, .json, .csv");
        assertThatThrownBy(() -> Recipe.named("math500"))
                .hasMessageContaining("unknown recipe 'math500' (did you mean 'math-500'?)");
        Path none = directory.resolve("none.jsonl");
        assertThatThrownBy(() -> Rows.of(none).read(none, (n, r) -> {})).hasMessageContaining("does not exist");
    }
}
