package io.foothold.loadtests;

import io.foothold.core.problem.ProblemKind;
import io.foothold.core.verdict.Verdict;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.answer.Grading;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Feeds the verifier with what no policy should write: mutated answers, random LaTeX, deep nesting, huge exponents. Fails when an
 * exception escapes, when the same input gives two verdicts, when exact expressions are judged differently after a swap, or when a
 * verdict takes longer than the limit. Arguments: count, seed, limit in milliseconds.
 */
public final class VerifierFuzz {
    private static final String[] ANSWERS = {
        "\\frac{1}{2}",
        "\\boxed{3\\sqrt{5}}",
        "1{,}024",
        "x<3",
        "(-\\infty, 3]\\cup(5,7)",
        "\\{1,2,3\\}",
        "3.14159",
        "10^{-10}",
        "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}",
        "45^\\circ",
        "12\\text{ cm}",
        "10\\%",
        "y = 2x + 1",
        "x = 4 = 5",
        "1011_2",
        "0.\\overline{3}",
        "e^{i\\pi}",
        "\\sin^2 x + \\cos^2 x",
        "\\binom{n}{3}",
        "\\sum_{k=1}^{n} k^2",
        "2004!",
        "The answer is (B).",
        "A, C",
        "yes",
        "<answer>4 + 5</answer>",
        "<think>no</think> \\boxed{7}",
        "\\$1,234.50",
        "3\\frac{1}{4}",
        "\\log_2 8",
        "|x-1|",
        "5 \\pm \\sqrt{2}",
        "答案：3",
        "½",
        "-\\frac{a^2-b^2}{a-b}",
        "1:2:3",
        "\\text{no solution}",
        "12\\,\\mathrm{kg\\,m/s^{2}}",
        "3:05\\text{ p.m.}",
        "p=5, q=2; p=7, q=2",
        "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}^{-1}\\begin{pmatrix} x \\\\ 1 \\end{pmatrix}",
        "\\frac{\\sqrt 3}{3} \\approx 0.577",
        "|\\overline{AB}| = 7",
        "2or3",
        "\\boxed{2} $\\boxed{3}$",
        "\\boxed{41}. Final Answer: There are 1,042 ways.",
        "The answer is not A but BD.",
        "<|im_start|>assistant\n42<|im_end|>",
        "\\begin{cases} x=1 \\\\ y=2 \\end{cases}"
    };
    private static final String[] PIECES = {
        "\\frac{",
        "}{",
        "}",
        "{",
        "(",
        ")",
        "[",
        "]",
        "^",
        "_",
        "\\sqrt{",
        "\\sqrt[3]{",
        "1",
        "9",
        "0",
        ".",
        ",",
        "x",
        "y",
        "e",
        "i",
        "\\pi",
        "!",
        "+",
        "-",
        "*",
        "/",
        "\\cdot ",
        "\\times ",
        "\\sin",
        "\\ln ",
        "\\log_",
        "=",
        "<",
        "\\le ",
        "\\ne ",
        "|",
        "%",
        "\\%",
        "$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\boxed{",
        "\\text{",
        "\\{",
        "\\}",
        "\\cup ",
        "\\infty ",
        "\\pm ",
        "\\\\",
        "&",
        "\n",
        " ",
        "**",
        "e9999",
        "^{9^{9",
        "10^{10^{10}}",
        "\\overline{",
        "\\binom{",
        "\\sum_{k=1}^{",
        "\\prod_{k=1}^{",
        "\\lim",
        "\\int",
        "Answer:",
        "the answer is ",
        " and ",
        "A",
        "B",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "\u00bd",
        "\u2212",
        "\ud83d",
        "\u0000",
        "#",
        "~",
        "^T",
        "^{-1}",
        "\\mathrm{",
        " cm",
        ":00",
        " p.m.",
        "\\approx ",
        "not ",
        "or",
        ";",
        "\\angle ",
        "\\overline{AB}",
        "\\begin{cases}",
        "\\end{cases}",
        "is the final answer.",
        "<|im_end|>",
        "</s>",
        "<think>",
        "</think>",
        "\u0412",
        "\u0628"
    };
    private static final String[] ATOMS = {
        "x", "y", "2", "7", "10", "\\pi", "\\sqrt{3}", "\\frac{1}{3}", "(x+1)", "i", "e^{x}"
    };
    private static final String[] OPERATORS = {"+", "-", "\\cdot ", "/", "^"};

    private VerifierFuzz() {}

    /** Runs it; exits with 1 at the first failure. */
    public static void main(String[] args) {
        long count = args.length > 0 ? Long.parseLong(args[0]) : 1_000_000;
        long seed = args.length > 1 ? Long.parseLong(args[1]) : System.nanoTime();
        double limit = args.length > 2 ? Double.parseDouble(args[2]) : 2_000;
        SplittableRandom random = new SplittableRandom(seed);
        Map<Verdict.Kind, Long> kinds = new EnumMap<>(Verdict.Kind.class);
        long slowest = 0;
        String slowestInput = "";
        ProblemKind[] all = Arrays.stream(ProblemKind.values())
                .filter(k -> k != ProblemKind.CODE)
                .toArray(ProblemKind[]::new);
        for (long n = 0; n < count; n++) {
            String gold = ANSWERS[random.nextInt(ANSWERS.length)];
            String response = response(random);
            ProblemKind kind = random.nextInt(4) > 0 ? ProblemKind.MATH : all[random.nextInt(all.length)];
            Grading grading = random.nextBoolean() ? Grading.EVALUATION : Grading.TRAINING;
            String what = "seed " + seed + ", input " + n + ": " + kind + " " + gold + " against " + response;
            try {
                long start = System.nanoTime();
                Verdict v = AnswerVerifier.verify(kind, gold, response, grading);
                long took = System.nanoTime() - start;
                kinds.merge(v.kind(), 1L, Long::sum);
                if (took > slowest) {
                    slowest = took;
                    slowestInput = what;
                }
                if (took > limit * 1e6) {
                    fail(what, took / 1_000_000 + " ms");
                }
                if (n % 50 == 0) {
                    if (!AnswerVerifier.verify(kind, gold, response, grading).equals(v)) {
                        fail(what, "two verdicts");
                    }
                    symmetric(random);
                }
            } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
                fail(what, e.toString());
            }
        }
        System.out.println("fuzz: " + count + " inputs, seed " + seed + ", no exception, slowest " + slowest / 1_000_000
                + " ms, verdicts " + kinds);
        System.out.println("fuzz: slowest was " + shortened(slowestInput));
    }

    private static String response(SplittableRandom random) {
        return switch (random.nextInt(4)) {
            case 0 -> mutated(random, ANSWERS[random.nextInt(ANSWERS.length)]);
            case 1 -> "So \\boxed{" + mutated(random, ANSWERS[random.nextInt(ANSWERS.length)]) + "}.";
            case 2 -> {
                StringBuilder out = new StringBuilder();
                for (int i = random.nextInt(40); i > 0; i--) {
                    out.append(PIECES[random.nextInt(PIECES.length)]);
                }
                yield random.nextBoolean() ? out.toString() : "\\boxed{" + out + "}";
            }
            default -> {
                String piece = PIECES[random.nextInt(PIECES.length)];
                String other = PIECES[random.nextInt(PIECES.length)];
                int times = 1 << random.nextInt(random.nextInt(100) == 0 ? 15 : 9);
                yield piece.repeat(times) + "1" + other.repeat(random.nextBoolean() ? times : 1);
            }
        };
    }

    private static String mutated(SplittableRandom random, String text) {
        StringBuilder out = new StringBuilder(text);
        for (int i = random.nextInt(6); i > 0; i--) {
            int at = random.nextInt(out.length() + 1);
            switch (random.nextInt(4)) {
                case 0 -> out.insert(at, PIECES[random.nextInt(PIECES.length)]);
                case 1 -> {
                    if (at < out.length()) {
                        out.deleteCharAt(at);
                    }
                }
                case 2 -> out.insert(at, out.substring(0, Math.min(at, 20)));
                default -> {
                    if (at < out.length()) {
                        out.setCharAt(at, (char) random.nextInt(random.nextInt(10) == 0 ? 0x10000 : 128));
                    }
                }
            }
        }
        return out.toString();
    }

    /** Without decimals, percentages, units and relations the rules are the same both ways. */
    private static void symmetric(SplittableRandom random) {
        String a = expression(random);
        String b = random.nextInt(3) == 0 ? "(" + a + ")+0" : expression(random);
        Verdict.Kind one = AnswerVerifier.compare(a, b, Grading.EVALUATION).kind();
        Verdict.Kind two = AnswerVerifier.compare(b, a, Grading.EVALUATION).kind();
        if (one != two) {
            fail(a + " against " + b, one + " one way, " + two + " the other");
        }
    }

    private static String expression(SplittableRandom random) {
        List<String> parts = new ArrayList<>();
        for (int i = 1 + random.nextInt(4); i > 0; i--) {
            parts.add(ATOMS[random.nextInt(ATOMS.length)]);
        }
        StringBuilder out = new StringBuilder(parts.get(0));
        for (String part : parts.subList(1, parts.size())) {
            out.append(OPERATORS[random.nextInt(OPERATORS.length)])
                    .append('{')
                    .append(part)
                    .append('}');
        }
        return out.toString();
    }

    private static String shortened(String text) {
        return text.length() <= 300 ? text : text.substring(0, 300) + "… (" + text.length() + " characters)";
    }

    private static void fail(String what, String why) {
        System.out.println("fuzz: FAILED (" + why + "): " + shortened(what));
        System.exit(1);
    }
}
