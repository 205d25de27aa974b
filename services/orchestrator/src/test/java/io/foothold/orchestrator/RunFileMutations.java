package io.foothold.orchestrator;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/** Seeded mutations of the run files that are examples: cut, moved, doubled, and filled with what YAML and numbers have of traps. */
public final class RunFileMutations {
    private static final List<String> TRAPS = List.of(
            "\0",
            "\u0007",
            "\u001b",
            "\u0085",
            "\u2028",
            "\ufeff",
            "\ud800",
            "\t",
            "\r",
            "\r\n",
            "{",
            "}",
            "[",
            "]",
            ",",
            ": ",
            ":",
            "? ",
            "? [a]\n",
            "- ",
            "&a ",
            "*a",
            "*a ",
            "!",
            "!!int ",
            "!<x> ",
            "!!java.io.File ",
            "|",
            ">",
            "|9\n",
            "%",
            "%YAML 1.1\n---\n",
            "@",
            "`",
            "'",
            "\"",
            "\\",
            "#",
            " #",
            "---\n",
            "...\n",
            "<<: *a\n",
            "<<",
            "~",
            "null",
            "{}",
            "[]",
            "-5",
            "1e999",
            "NaN",
            ".inf",
            "-0",
            "1e-999",
            "0x10",
            "1_000",
            "9223372036854775807",
            "1000000000000000000",
            "1e18",
            "true",
            "é",
            "𝔸",
            "{? [a] : b}",
            "{a: b}: c\n",
            "a: &a {b: *a}\n",
            "updates: 3\n",
            "loss: token\n",
            "method: pope\n",
            "x: y: z\n",
            "\n",
            "  ",
            "{{{{{{{{{{{{");

    private final List<String> seeds;

    private RunFileMutations(List<String> seeds) {
        this.seeds = seeds;
    }

    /** Mutations of the examples. */
    public static RunFileMutations ofExamples() {
        Path examples = Path.of(System.getProperty("foothold.root"), "services/foothold/examples");
        try (Stream<Path> files = Files.list(examples)) {
            List<String> texts = new ArrayList<>();
            for (Path file :
                    files.filter(f -> f.toString().endsWith(".yaml")).sorted().toList()) {
                texts.add(Files.readString(file));
            }
            return new RunFileMutations(texts);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The mutation of that number: one to four changes of one example. */
    public String text(int number) {
        RandomGenerator random = new SplittableRandom(number);
        StringBuilder text = new StringBuilder(seeds.get(number % seeds.size()));
        int changes = 1 + random.nextInt(4);
        for (int i = 0; i < changes && !text.isEmpty(); i++) {
            change(text, random);
        }
        return text.toString();
    }

    private static void change(StringBuilder text, RandomGenerator random) {
        int at = random.nextInt(text.length());
        int to = Math.min(text.length(), at + 1 + random.nextInt(12));
        String trap = TRAPS.get(random.nextInt(TRAPS.size()));
        switch (random.nextInt(8)) {
            case 0 -> text.insert(at, trap);
            case 1 -> text.replace(at, to, trap);
            case 2 -> text.delete(at, to);
            case 3 -> text.insert(at, text.substring(at, to));
            case 4 -> text.setCharAt(at, (char) random.nextInt(0x250));
            case 5 -> text.insert(lineAt(text, at), trap);
            case 6 -> {
                int colon = text.indexOf(": ", at);
                int end = colon < 0 ? -1 : text.indexOf("\n", colon);
                if (end > 0) {
                    text.replace(colon + 2, end, trap);
                }
            }
            default -> {
                int line = lineAt(text, at);
                int end = text.indexOf("\n", line) + 1;
                text.insert(lineAt(text, random.nextInt(text.length())), text.substring(line, Math.max(line, end)));
            }
        }
    }

    private static int lineAt(StringBuilder text, int at) {
        return text.lastIndexOf("\n", at) + 1;
    }
}
