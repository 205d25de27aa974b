package io.foothold.augmentation.problems;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.problem.Segmenter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NuminaOlympiadsTest {
    @TempDir
    Path directory;

    private Path file(String text) throws IOException {
        Path file = directory.resolve("numina.jsonl");
        Files.writeString(file, text);
        return file;
    }

    private static String row(String source, String boxed) {
        return "{\"source\":\"" + source + "\",\"problem\":\"P\",\"solution\":\"first\\nso $"
                + boxed.replace("\\", "\\\\") + "$\",\"messages\":[]}\n";
    }

    @Test
    void theLastCompleteBoxIsTheAnswer() {
        assertThat(NuminaOlympiads.lastBoxed("\\boxed{1} then \\boxed{\\frac{1}{2}} ."))
                .isEqualTo("\\frac{1}{2}");
        assertThat(NuminaOlympiads.lastBoxed("\\boxed{\\{1, 2\\}}")).isEqualTo("\\{1, 2\\}");
        assertThat(NuminaOlympiads.lastBoxed("\\boxed{1")).isEmpty();
        assertThat(NuminaOlympiads.lastBoxed("1")).isEmpty();
    }

    @Test
    void onlyAnswersThatCanBeVerifiedStay() {
        for (String good : List.of("5", "\\frac{\\sqrt{3}}{2}", "B", "(1,2)", "2^{n+1}", "\\sin 30", "n=3")) {
            assertThat(NuminaOlympiads.reasonAgainst(good)).as(good).isEmpty();
        }
        Map.of(
                        "",
                        "no boxed answer",
                        "1".repeat(61),
                        "longer than 60 characters",
                        "5 \\text{ apples}",
                        "text",
                        "5 apples",
                        "words",
                        "40\\%",
                        "units or percent",
                        "30^\\circ",
                        "units or percent",
                        "12 cm",
                        "units or percent",
                        "5\\, m^2",
                        "units or percent",
                        "x",
                        "no digit and no letter A to E")
                .forEach((answer, reason) -> assertThat(NuminaOlympiads.reasonAgainst(answer))
                        .as(answer)
                        .isEqualTo(reason));
    }

    @Test
    void aFileIsSplitBySeedAndWhatIsLeftOutIsCounted() throws IOException {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 20; i++) {
            text.append(row("olympiads", "\\boxed{" + i + "}"));
        }
        text.append(row("amc_aime", "\\boxed{7}")).append(row("olympiads", "7")).append(row("olympiads", "\\boxed{C}"));
        Path file = file(text.toString());
        NuminaOlympiads.Split split = NuminaOlympiads.read(file, 12, 5, 42, Segmenter.named("line", ""));
        assertThat(split.train()).hasSize(12).allMatch(p -> p.split().equals("train"));
        assertThat(split.test()).hasSize(5).allMatch(p -> p.split().equals("test"));
        Set<String> ids = new HashSet<>();
        split.train().forEach(p -> ids.add(p.id()));
        assertThat(split.test()).noneMatch(p -> ids.contains(p.id()));
        assertThat(split.refused()).isEqualTo(Map.of("another source", 1, "no boxed answer", 1));
        assertThat(NuminaOlympiads.read(file, 12, 5, 42, Segmenter.named("line", "")))
                .isEqualTo(split);
        assertThat(NuminaOlympiads.read(file, 12, 5, 43, Segmenter.named("line", "")))
                .isNotEqualTo(split);
        NuminaOlympiads.Split all = NuminaOlympiads.read(file, 21, 0, 1, Segmenter.named("line", ""));
        Problem choice = all.train().stream()
                .filter(p -> p.answer().equals("C"))
                .findFirst()
                .orElseThrow();
        assertThat(choice.kind()).isEqualTo(ProblemKind.CHOICE);
        assertThat(choice.oracleThoughts()).hasSize(2);
    }

    @Test
    void rowsOfAnotherShapeAndTooFewAreRefused() throws IOException {
        Segmenter lines = Segmenter.named("line", "");
        Path shape = file(row("olympiads", "\\boxed{1}") + "{\"problem\":\"x\"}\n");
        assertThatThrownBy(() -> NuminaOlympiads.read(shape, 1, 0, 1, lines))
                .hasMessageContaining("numina.jsonl:2: 'source' is missing");
        Path few = file(row("olympiads", "\\boxed{1}") + row("olympiads", "\\boxed{x}"));
        assertThatThrownBy(() -> NuminaOlympiads.read(few, 2, 0, 1, lines))
                .hasMessageContaining("1 problems of this recipe, fewer than the 2 + 0")
                .hasMessageContaining("no digit and no letter A to E=1");
        assertThatThrownBy(() -> NuminaOlympiads.read(directory.resolve("none"), 1, 0, 1, lines))
                .hasMessageContaining("does not exist");
    }
}
