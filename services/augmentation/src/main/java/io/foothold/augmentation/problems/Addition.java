package io.foothold.augmentation.problems;

import io.foothold.contracts.error.Nearest;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.random.Seeds;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.CRC32;

/**
 * Problems for small language models: {@code Add 3, 6, 2.} A thought adds one number to the total of those before it; the answer is the
 * last total.
 */
final class Addition {
    /** A quarter of all problems is held out, by the checksum of the statement, whatever level and seed they are drawn with. */
    private static final int HELD_OUT_OF = 4;

    /** Numbers of a problem and where they lie. */
    enum Level {
        /** Three numbers of one digit. */
        EASY(3, 2, 9),
        /** Three numbers of two digits. */
        MEDIUM(3, 10, 40),
        /** Five numbers of one digit. */
        HARD(5, 2, 9),
        /** Four numbers of two digits. */
        HARDEST(4, 20, 99);

        private final int numbers;
        private final int least;
        private final int most;

        Level(int numbers, int least, int most) {
            this.numbers = numbers;
            this.least = least;
            this.most = most;
        }

        /** A level by its name in run files. */
        static Level named(String name) {
            for (Level level : values()) {
                if (level.word().equals(name)) {
                    return level;
                }
            }
            throw new IllegalArgumentException("unknown level '" + name + "' of family add"
                    + Nearest.hint(
                            name, Arrays.stream(values()).map(Level::word).toList()));
        }

        private String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Statements that there are. */
        private double statements() {
            return Math.pow(most - least + 1, numbers);
        }
    }

    private Addition() {}

    /**
     * Different problems of a level and a split; the same arguments give the same problems.
     *
     * @throws IllegalArgumentException for a split that is not train or test, or more problems than the split is sure to have
     */
    static List<Problem> problems(Level level, int count, long seed, String split) {
        boolean heldOut =
                switch (split) {
                    case "train" -> false;
                    case "test" -> true;
                    default -> throw new IllegalArgumentException("split must be train or test, got '" + split + "'");
                };
        // Shares of a checksum are not exact: half of what is expected is there for certain.
        double most = level.statements() * (heldOut ? 1.0 : HELD_OUT_OF - 1) / HELD_OUT_OF / 2;
        if (count > most) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "family add has %.0f problems of level %s for split %s, %d are asked for",
                    most,
                    level.word(),
                    split,
                    count));
        }
        SplittableRandom random =
                Seeds.of(seed).split("add").split(level.name()).split(split).generator();
        List<Problem> out = new ArrayList<>(count);
        Set<String> seen = new HashSet<>();
        while (out.size() < count) {
            int[] numbers = IntStream.range(0, level.numbers)
                    .map(i -> random.nextInt(level.least, level.most + 1))
                    .toArray();
            String statement = statement(numbers);
            if (isHeldOut(statement) == heldOut && seen.add(statement)) {
                out.add(problem(level.word() + "-" + split + "-" + seed + "-" + out.size(), statement, numbers, split));
            }
        }
        return out;
    }

    private static String statement(int[] numbers) {
        return Arrays.stream(numbers).mapToObj(Integer::toString).collect(Collectors.joining(", ", "Add ", "."));
    }

    private static boolean isHeldOut(String statement) {
        CRC32 checksum = new CRC32();
        checksum.update(statement.getBytes(StandardCharsets.UTF_8));
        return checksum.getValue() % HELD_OUT_OF == 0;
    }

    private static Problem problem(String id, String statement, int[] numbers, String split) {
        List<String> thoughts = new ArrayList<>();
        int total = numbers[0];
        for (int i = 1; i < numbers.length; i++) {
            int next = total + numbers[i];
            thoughts.add(total + " + " + numbers[i] + " = " + next + (i + 1 < numbers.length ? "\n" : ""));
            total = next;
        }
        return new Problem(id, statement, ProblemKind.NUMERIC, Integer.toString(total), thoughts, "add", split, 0);
    }
}
