package io.foothold.augmentation.dial;

import io.foothold.contracts.error.Nearest;
import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.random.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * A dial and a gauge with marks 0 to 9: turns by 1 to 3 marks either way, and leaps 2 to 7, where {@code leap k} goes 3k marks on the dial
 * and one mark more on the gauge. The policy's own working has a thought a move; the answer lists every second mark, and all moves are
 * translations, so that slips neither cancel nor hit by luck, and a terse working of every second thought still suffices for the answer.
 *
 * <p>The base lands one mark too far on a leap most of the time. Easy problems therefore stand in any relation to the hard ones that one
 * wants: they have the same skill, do not touch it, or contradict it (on the gauge the slip is right).
 */
public final class TwoDials {
    /** The tokens. */
    public static final PieceVocabulary VOCABULARY = vocabulary();

    /** Moves of the longest problem. */
    public static final int LONGEST = 6;

    static final int MARKS = Dial.MARKS;
    static final int LEAPS = 6;
    private static final int LEAST_LEAP = 2;
    /** Tokens that a response has room for beside a straight solution. */
    private static final int SLACK = 5;

    private static PieceVocabulary vocabulary() {
        List<String> out = new ArrayList<>();
        for (int d = 0; d < MARKS; d++) {
            out.add(" " + d);
        }
        for (int move = 0; move < Dial.TURNS + LEAPS; move++) {
            out.add(moveName(move));
        }
        for (int k = 0; k < LONGEST; k++) {
            out.add(Dial.step(k));
        }
        out.addAll(List.of("Dial at", "Gauge at", Dial.DELIMITER, "\\boxed{", "}"));
        return new PieceVocabulary(List.of("<pad>", Dial.END, "<|solve|>", "<|continue|>", "<|assistant|>"), out);
    }

    /** How problems stand to the hard ones. */
    public enum Level {
        /** The dial, six leaps. */
        HARD(false, 6, 6, 6, 6),
        /** Easy, without the skill: the dial, six turns. */
        TURNS(false, 6, 6, 0, 0),
        /** Easy, with the very skill: the dial, one leap among six moves. */
        SHARED(false, 6, 6, 1, 1),
        /** Easy, against the skill: the gauge, 4 or 6 moves, 2 or 3 leaps; the slip is right here. */
        CONFLICT(true, 4, 6, 2, 3);

        private final boolean gauge;
        private final int fewestMoves;
        private final int mostMoves;
        private final int fewestLeaps;
        private final int mostLeaps;

        Level(boolean gauge, int fewestMoves, int mostMoves, int fewestLeaps, int mostLeaps) {
            this.gauge = gauge;
            this.fewestMoves = fewestMoves;
            this.mostMoves = mostMoves;
            this.fewestLeaps = fewestLeaps;
            this.mostLeaps = mostLeaps;
        }

        private String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        private static Level named(String word) {
            return Arrays.stream(values())
                    .filter(l -> l.word().equals(word))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("unknown level '" + word + "' of two-dials"
                            + Nearest.hint(
                                    word,
                                    Arrays.stream(values()).map(Level::word).toList())
                            + "; mixed as in hard+shared or hard:5+conflict:1"));
        }
    }

    /** Whose style oracle solutions are written in. */
    public enum Oracle {
        /** The policy's own: a thought a move. */
        OWN(1),
        /** Foreign: a thought every second move, the mark between is skipped. */
        TERSE(2);

        private final int stride;

        Oracle(int stride) {
            this.stride = stride;
        }

        int stride() {
            return stride;
        }
    }

    private final boolean gauge;
    private final int start;
    private final int[] moves;
    private final int[] marks;

    TwoDials(boolean gauge, int start, int[] moves) {
        this.gauge = gauge;
        this.start = start;
        this.moves = moves;
        this.marks = new int[moves.length];
        int v = start;
        for (int k = 0; k < moves.length; k++) {
            v = after(v, moves[k], gauge);
            marks[k] = v;
        }
    }

    /** The mark after a move: 0 to 5 turn by +1 +2 +3 −1 −2 −3, 6 to 11 leap. */
    static int after(int mark, int move, boolean gauge) {
        return isLeap(move)
                ? (mark + 3 * (move - Dial.TURNS + LEAST_LEAP) + (gauge ? 1 : 0)) % MARKS
                : Dial.turn(mark, move);
    }

    static boolean isLeap(int move) {
        return move >= Dial.TURNS;
    }

    static String moveName(int move) {
        return isLeap(move) ? " leap " + (move - Dial.TURNS + LEAST_LEAP) : Dial.moveName(move);
    }

    boolean gauge() {
        return gauge;
    }

    int length() {
        return moves.length;
    }

    int start() {
        return start;
    }

    int move(int k) {
        return moves[k];
    }

    int mark(int k) {
        return marks[k];
    }

    /** The statement. */
    String statement() {
        StringBuilder out = new StringBuilder(gauge ? "Gauge at " : "Dial at ").append(start);
        for (int k = 0; k < moves.length; k++) {
            out.append(Dial.step(k)).append(moveName(moves[k]));
        }
        return out.toString();
    }

    /** The thought of move k that claims a mark. */
    String thought(int k, int mark) {
        return Dial.step(k) + moveName(moves[k]) + " " + mark + Dial.DELIMITER;
    }

    /** The answer that claims these marks: every second of them. */
    static String answer(int[] marks) {
        StringBuilder out = new StringBuilder("\\boxed{");
        for (int k = 1; k < marks.length; k += 2) {
            out.append(' ').append(marks[k]);
        }
        return out.append('}').append(Dial.END).toString();
    }

    /** The right thoughts that a style writes down. */
    List<String> thoughts(Oracle oracle) {
        List<String> out = new ArrayList<>();
        for (int k = oracle.stride() - 1; k < moves.length; k += oracle.stride()) {
            out.add(thought(k, marks[k]));
        }
        return out;
    }

    /** A problem with so many moves and leaps, from the training or the test side, which never meet. */
    static TwoDials draw(SplittableRandom random, boolean gauge, int length, int leaps, boolean test) {
        while (true) {
            Set<Integer> at = new HashSet<>();
            while (at.size() < leaps) {
                at.add(random.nextInt(length));
            }
            int[] moves = new int[length];
            for (int k = 0; k < length; k++) {
                moves[k] = at.contains(k) ? Dial.TURNS + random.nextInt(LEAPS) : random.nextInt(Dial.TURNS);
            }
            TwoDials dial = new TwoDials(gauge, random.nextInt(MARKS), moves);
            if (Dial.isTest(dial.statement()) == test) {
                return dial;
            }
        }
    }

    /**
     * A problem set: distinct problems, the same for equal arguments. A part of a mixed level has the problems that the level has alone.
     *
     * @param level a level or several with their shares, {@code hard}, {@code hard+shared}, {@code hard:5+conflict:1}
     * @param split train or test
     * @throws IllegalArgumentException for a level that is none, shares that the count cannot be cut into, or more problems than there are
     */
    public static List<Problem> problems(String level, int count, long seed, String split, Oracle oracle) {
        Map<Level, Integer> parts = parts(level);
        int total = parts.values().stream().mapToInt(Integer::intValue).sum();
        if (count % total != 0) {
            throw new IllegalArgumentException("two-dials: " + count + " problems cannot be cut into " + level
                    + " (expected a multiple of " + total + ")");
        }
        List<Problem> out = new ArrayList<>(count);
        parts.forEach((part, share) -> out.addAll(problems(part, count / total * share, seed, split, oracle)));
        return out;
    }

    private static Map<Level, Integer> parts(String level) {
        Map<Level, Integer> out = new LinkedHashMap<>();
        for (String part : level.split("\\+", -1)) {
            int colon = part.indexOf(':');
            String share = colon < 0 ? "1" : part.substring(colon + 1);
            if (!share.matches("[1-9]\\d{0,2}")) {
                throw new IllegalArgumentException(
                        "share '" + share + "' in level '" + level + "' of two-dials (expected 1 to 999)");
            }
            Level named = Level.named(colon < 0 ? part : part.substring(0, colon));
            if (out.put(named, Integer.parseInt(share)) != null) {
                throw new IllegalArgumentException("level '" + level + "' of two-dials has " + named.word() + " twice");
            }
        }
        return out;
    }

    private static List<Problem> problems(Level level, int count, long seed, String split, Oracle oracle) {
        boolean test = Dial.isTestSplit(split);
        SplittableRandom random = Seeds.of(seed)
                .split("two-dials")
                .split(level.name())
                .split(split)
                .generator();
        List<Problem> out = new ArrayList<>(count);
        Set<String> seen = new HashSet<>();
        for (int repeats = 0; out.size() < count; repeats++) {
            Dial.checkLeft(repeats, "two-dials, level " + level.word(), out.size(), count);
            // Even lengths only: the answer lists every second mark, the last one with them.
            int moves = 2 * random.nextInt(level.fewestMoves / 2, level.mostMoves / 2 + 1);
            int leaps = random.nextInt(level.fewestLeaps, level.mostLeaps + 1);
            TwoDials dial = draw(random, level.gauge, moves, leaps, test);
            if (seen.add(dial.statement())) {
                out.add(dial.problem(level.word() + "-" + split + "-" + seed + "-" + out.size(), split, oracle));
                repeats = 0;
            }
        }
        return out;
    }

    private Problem problem(String id, String split, Oracle oracle) {
        int n = moves.length;
        return new Problem(
                id,
                statement(),
                ProblemKind.EXACT,
                answer(marks),
                thoughts(oracle),
                "two-dials",
                split,
                4 * n + n / 2 + 3 + SLACK);
    }
}
