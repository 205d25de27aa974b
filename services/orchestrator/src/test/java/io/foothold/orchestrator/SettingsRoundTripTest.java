package io.foothold.orchestrator;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.orchestrator.runfile.RunFile;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/** Settings that are stored are the settings that come back, and so are those that are printed, whatever a text holds. */
class SettingsRoundTripTest {
    private static final String BASE = """
            method: grpo-dial
            policy: {base: p}
            problems:
              train: {family: dial, level: hard, count: 8}
              evaluate:
                hard-test: {family: dial, level: hard, count: 4, split: test}
            """;

    private static final List<String> PIECES = List.of(
            "{problem}",
            "\\neq",
            "\\nabla",
            "[^\\n]",
            "\\",
            "\\\\n",
            "\n",
            "\r",
            "\r\n",
            "\t",
            ": ",
            ":",
            " #",
            "#",
            "'",
            "\"",
            " ",
            "  ",
            "é",
            "π",
            "日本",
            "𝔸",
            "😀",
            "\u2028",
            "\u0085",
            "\u00a0",
            "\ufeff",
            "\u007f",
            "- ",
            "? ",
            "---",
            "...",
            "{",
            "}",
            "[",
            "]",
            "&a",
            "*a",
            "!b",
            "|",
            ">",
            "%",
            "@",
            "`",
            "<<",
            "null",
            "~",
            "true",
            "1e3",
            "=",
            ",",
            "a",
            "Z",
            "0");

    private static final List<String> TEXTS = List.of(
            "prompts.root",
            "prompts.guided",
            "prompts.thought_delimiter",
            "problems.train.segmenter",
            "problems.evaluate.hard-test.segmenter",
            "name",
            "localizer.prompt",
            "verification.options");

    private static String text(RandomGenerator random) {
        StringBuilder out = new StringBuilder();
        int pieces = random.nextInt(7);
        for (int i = 0; i < pieces; i++) {
            out.append(PIECES.get(random.nextInt(PIECES.size())));
        }
        return out.toString();
    }

    private static void assertComesBack(RunFile file, String what) {
        RunFile stored = RunFile.restore(file.stored());
        RunFile printed = RunFile.resolve("printed", file.print(), List.of());
        for (String key : TEXTS) {
            assertThat(stored.text(key)).as("%s: stored %s", what, key).isEqualTo(file.text(key));
            assertThat(printed.text(key)).as("%s: printed %s", what, key).isEqualTo(file.text(key));
        }
        assertThat(stored).as(what).isEqualTo(file);
        assertThat(printed).as(what).isEqualTo(file);
        assertThat(stored.stored()).as(what).isEqualTo(file.stored());
        assertThat(file.differences(printed)).as(what).isEmpty();
    }

    @Test
    void everyPieceComesBackAloneAndAtBothEnds() {
        for (String piece : PIECES) {
            for (String text : List.of(piece, piece + "x", "x" + piece, piece + piece, " " + piece + " ")) {
                RunFile file = RunFile.resolve("r.yaml", BASE, List.of("prompts.root=" + text));
                assertThat(file.text("prompts.root")).isEqualTo(text);
                assertComesBack(file, "<" + text + ">");
            }
        }
    }

    @Test
    void seededTextsComeBack() {
        for (int seed = 0; seed < 400; seed++) {
            RandomGenerator random = new SplittableRandom(seed);
            List<String> overrides = new ArrayList<>();
            TEXTS.forEach(key -> overrides.add(key + "=" + text(random)));
            assertComesBack(RunFile.resolve("r.yaml", BASE, overrides), "seed " + seed);
        }
    }

    @Test
    void quotedTextsOfAFileComeBack() {
        assertComesBack(RunFile.resolve("r.yaml", BASE + """
                        prompts:
                          root: '{problem} $x \\neq y$, \\nabla [^\\n]: '
                          thought_delimiter: ";\\r\\n\\t"
                          guided: |
                            {problem}

                            # {prefix}
                        """, List.of()), "file");
    }
}
