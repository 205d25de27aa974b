package io.foothold.verifier;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.core.verdict.Verdict.Kind;
import io.foothold.verifier.answer.AnswerVerifier;
import io.foothold.verifier.answer.Grading;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Pairs whose verdict is known by construction: two spellings of one value, and spellings of two values that are near each other. */
class GeneratedAnswersTest {
    private static final int PAIRS = 400;

    private final Random random = new Random(20);

    private String any(String... spellings) {
        return spellings[random.nextInt(spellings.length)];
    }

    private static void same(String gold, String answer) {
        assertThat(AnswerVerifier.compare(gold, answer, Grading.EVALUATION).kind())
                .as("%s against %s", gold, answer)
                .isEqualTo(Kind.PASS);
    }

    private static void different(String gold, String answer) {
        assertThat(AnswerVerifier.compare(gold, answer, Grading.EVALUATION).kind())
                .as("%s against %s", gold, answer)
                .isNotEqualTo(Kind.PASS);
    }

    /** A whole number in one of its spellings. */
    private String number(long n) {
        return any(Long.toString(n), Long.toString(n), "\\frac{" + 2 * n + "}{2}", n + ".0");
    }

    private String unit(String name, int power) {
        String raised = power == 1 ? "" : any("^" + power, "^{" + power + "}");
        return any(" ", "\\,", "~", "\\ ", "")
                + any(
                        "\\text{" + name + "}" + raised,
                        "\\mathrm{" + name + "}" + raised,
                        "\\textrm{ " + name + "}" + raised,
                        "\\textnormal{" + name + "}" + raised,
                        "\\mathrm{" + name + raised + "}");
    }

    @Test
    void quantities() {
        String[] names = {"mm", "cm", "m", "km"};
        long[] millimetres = {1, 10, 1_000, 1_000_000};
        for (int i = 0; i < PAIRS; i++) {
            long n = 2 + random.nextInt(900);
            int power = 1 + random.nextInt(3);
            int from = 1 + random.nextInt(3);
            int to = from - 1;
            String gold = number(n) + unit(names[from], power);
            same(gold, number(n));
            same(gold, number(n) + unit(names[from], power));
            same(number(n), number(n) + unit(names[from], power));
            long factor = 1;
            for (int p = 0; p < power; p++) {
                factor *= millimetres[from] / millimetres[to];
            }
            same(gold, n * factor + unit(names[to], power));
            different(gold, number(n + 1) + unit(names[from], power));
            different(gold, number(n) + unit(names[to], power));
            different(gold, number(n) + unit(names[from], power % 3 + 1));
        }
    }

    private String list(List<String> items) {
        return String.join(
                any(", ", ",", ";", " or ", "or", " and ", "and", "\\text{ or }", "\\mathrm{and}", "\\lor "), items);
    }

    @Test
    void lists() {
        for (int i = 0; i < PAIRS; i++) {
            List<Integer> values = new ArrayList<>(random.ints(-50, 100)
                    .distinct()
                    .limit(2 + random.nextInt(3))
                    .boxed()
                    .toList());
            String gold = list(values.stream().map(this::number).toList());
            List<Integer> others = new ArrayList<>(values);
            others.add(values.get(random.nextInt(values.size())));
            Collections.shuffle(others, random);
            same(gold, list(others.stream().map(this::number).toList()));
            same(gold, list(others.stream().map(v -> "x=" + number(v)).toList()));
            others.add(1_000);
            different(gold, list(others.stream().map(this::number).toList()));
            different(
                    gold,
                    list(values.subList(1, values.size()).stream()
                            .map(this::number)
                            .toList()));
        }
    }

    @Test
    void solutions() {
        for (int i = 0; i < PAIRS; i++) {
            int n = 1 + random.nextInt(3);
            List<int[]> values = new ArrayList<>();
            random.ints(0, 400).distinct().limit(n).forEach(v -> values.add(new int[] {v % 20, v / 20}));
            String tuples = tuples(values);
            String named = named(values);
            same(tuples, named);
            same(named, tuples);
            same(named, "(p,q)=" + tuples);
            int[] one = values.get(random.nextInt(n));
            one[random.nextInt(2)] += 20;
            different(tuples, named(values));
            different(named, tuples(values));
        }
    }

    private String tuples(List<int[]> values) {
        return values.stream()
                .map(v -> "(" + v[0] + "," + v[1] + ")")
                .collect(Collectors.joining(any(", ", ",", " or ")));
    }

    private String named(List<int[]> values) {
        return values.stream()
                .map(v -> random.nextBoolean() ? "p=" + v[0] + ", q=" + v[1] : "q=" + v[1] + ", p=" + v[0])
                .collect(Collectors.joining(any("; ", ";", " or ", "\\text{ or }", ", ")));
    }

    private static String clock(int minute, boolean twelve) {
        int hour = minute / 60;
        String minutes = "%02d".formatted(minute % 60);
        return twelve ? (hour % 12 == 0 ? 12 : hour % 12) + ":" + minutes : "%02d:%s".formatted(hour, minutes);
    }

    private String marked(int minute) {
        String half = minute < 720 ? "a" : "p";
        return clock(minute, true)
                + any(
                        " " + half + "m",
                        "\\text{ " + half + ".m.}",
                        "\\,\\mathrm{" + half.toUpperCase(Locale.ROOT) + "M}");
    }

    @Test
    void timesOfDay() {
        for (int i = 0; i < PAIRS; i++) {
            int minute = random.nextInt(1_440);
            int other = (minute + 1 + random.nextInt(1_439)) % 1_440;
            same(marked(minute), marked(minute));
            same(marked(minute), clock(minute, false) + any("", ":00"));
            same(marked(minute), clock(minute, true));
            different(marked(minute), marked(other));
            different(clock(minute, false), marked(other));
            different(marked(minute), clock(minute, false) + ":30");
            different(clock(minute, true), clock((minute + 60) % 1_440, true));
        }
    }

    private static String matrix(long[][] m) {
        return "\\begin{pmatrix}"
                + Arrays.stream(m)
                        .map(row -> Arrays.stream(row).mapToObj(Long::toString).collect(Collectors.joining("&")))
                        .collect(Collectors.joining("\\\\"))
                + "\\end{pmatrix}";
    }

    private long[][] matrix(int n) {
        return IntStream.range(0, n)
                .mapToObj(r -> random.longs(n, -6, 7).toArray())
                .toArray(long[][]::new);
    }

    private static long[][] product(long[][] a, long[][] b) {
        int n = a.length;
        long[][] out = new long[n][n];
        for (int r = 0; r < n; r++) {
            for (int c = 0; c < n; c++) {
                for (int i = 0; i < n; i++) {
                    out[r][c] += a[r][i] * b[i][c];
                }
            }
        }
        return out;
    }

    @Test
    void matrices() {
        for (int i = 0; i < PAIRS; i++) {
            int n = 2 + random.nextInt(2);
            long[][] a = matrix(n);
            long[][] b = matrix(n);
            long[][] ab = product(a, b);
            String worked = matrix(ab);
            String given = matrix(a) + any("", "\\cdot ", "\\times ") + matrix(b);
            same(worked, given);
            same(given, worked);
            same(
                    worked,
                    "(" + matrix(transposed(b)) + matrix(transposed(a)) + ")"
                            + any("^T", "^{\\top}", "^{\\mathrm{T}}"));
            ab[random.nextInt(n)][random.nextInt(n)]++;
            different(matrix(ab), given);
            different(given, matrix(ab));
        }
    }

    private static long[][] transposed(long[][] m) {
        return IntStream.range(0, m.length)
                .mapToObj(c ->
                        IntStream.range(0, m.length).mapToLong(r -> m[r][c]).toArray())
                .toArray(long[][]::new);
    }
}
