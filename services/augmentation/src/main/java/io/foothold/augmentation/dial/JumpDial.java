package io.foothold.augmentation.dial;

import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.random.Seeds;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;

/**
 * A dial with marks 0 to 29 and 16 moves: plain turns by 1 to 3 marks either way, and 3 named jumps A to F, each its own
 * translation. The solution names the mark after every move, one thought a move; what must be right is a {@link Claim}. Where the
 * jumps stand decides whether resets can pay: a reset before a late jump skips most of the chain.
 */
public final class JumpDial {
    /** Ends a thought. */
    public static final String DELIMITER = Dial.DELIMITER;

    /** Prompt of a root start state. */
    public static final String ROOT_TEMPLATE = Dial.ROOT_TEMPLATE;

    /** Prompt under which the base policy restates each mark from the one before it. */
    public static final String LOCATE_TEMPLATE = "<|locate|>{problem}<|assistant|>";

    /** Moves of a problem. */
    public static final int MOVES = 16;

    /** Marks on the dial. */
    static final int MARKS = 30;

    private static final int LONGEST = 20;
    private static final int JUMPS_OF_A_PROBLEM = 3;
    private static final int[] TURNS = {1, 2, 3, -1, -2, -3};
    private static final int[] JUMPS = {4, 6, 5, 7, 3, 8};

    /** The 71 tokens. */
    public static final PieceVocabulary VOCABULARY = vocabulary();

    private static PieceVocabulary vocabulary() {
        List<String> out = new ArrayList<>();
        for (int d = 0; d < MARKS; d++) {
            out.add(" " + d);
        }
        for (int move = 0; move < TURNS.length + JUMPS.length; move++) {
            out.add(moveName(move));
        }
        for (int k = 0; k < LONGEST; k++) {
            out.add(Dial.step(k));
        }
        out.addAll(List.of("Dial at", DELIMITER, "\\boxed{", "}"));
        return new PieceVocabulary(List.of("<pad>", Dial.END, "<|solve|>", "<|locate|>", "<|assistant|>"), out);
    }

    /** Where the three jumps may stand. */
    public enum Level {
        /** Among the first 6 moves. */
        EARLY(0, 6),
        /** Among the last 6 moves. */
        LATE(10, 16),
        /** Anywhere. */
        SPREAD(0, 16);

        private final int from;
        private final int to;

        Level(int from, int to) {
            this.from = from;
            this.to = to;
        }

        /** The level of that name, in lower case. */
        public static Level named(String name) {
            for (Level level : values()) {
                if (level.name().equalsIgnoreCase(name)) {
                    return level;
                }
            }
            throw new IllegalArgumentException(
                    "unknown dial-jumps level '" + name + "' (expected early, late or spread)");
        }
    }

    /** What a response must end with to be right. */
    public enum Claim {
        /** The last mark: two slips that cancel pass too. */
        LAST_MARK,
        /** Every mark on the way: nothing passes by luck. */
        EVERY_MARK
    }

    private final int start;
    private final int[] moves;
    private final int[] marks;

    JumpDial(int start, int[] moves) {
        this.start = start;
        this.moves = moves;
        this.marks = new int[moves.length];
        int v = start;
        for (int k = 0; k < moves.length; k++) {
            v = after(v, moves[k]);
            marks[k] = v;
        }
    }

    /** The mark after a move: 0 to 5 turn by +1 +2 +3 −1 −2 −3, 6 to 11 are the jumps A to F. */
    static int after(int mark, int move) {
        return Math.floorMod(mark + (isJump(move) ? JUMPS[move - TURNS.length] : TURNS[move]), MARKS);
    }

    static boolean isJump(int move) {
        return move >= TURNS.length;
    }

    /** 0 for jump A to 5 for jump F. */
    static int jumpNumber(int move) {
        return move - TURNS.length;
    }

    static String moveName(int move) {
        return isJump(move)
                ? " jump " + (char) ('A' + jumpNumber(move))
                : String.format(Locale.ROOT, "%+d", TURNS[move]);
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
        StringBuilder out = new StringBuilder("Dial at ").append(start);
        for (int k = 0; k < moves.length; k++) {
            out.append(Dial.step(k)).append(moveName(moves[k]));
        }
        return out.toString();
    }

    /** The thought of move k that claims a mark. */
    String thought(int k, int mark) {
        return Dial.step(k) + moveName(moves[k]) + " " + mark + DELIMITER;
    }

    /** The answer that claims a last mark. */
    static String answer(int mark) {
        return "\\boxed{ " + mark + "}" + Dial.END;
    }

    /**
     * A problem from the training or the test side, which never meet.
     *
     * @param jumps how many, at most {@code to − from}
     * @param from first move that may be a jump
     * @param to first move behind those that may
     */
    static JumpDial draw(SplittableRandom random, int length, int jumps, int from, int to, boolean test) {
        while (true) {
            Set<Integer> at = new HashSet<>();
            while (at.size() < jumps) {
                at.add(random.nextInt(from, to));
            }
            int[] moves = new int[length];
            for (int k = 0; k < length; k++) {
                moves[k] = at.contains(k) ? TURNS.length + random.nextInt(JUMPS.length) : random.nextInt(TURNS.length);
            }
            JumpDial dial = new JumpDial(random.nextInt(MARKS), moves);
            if (Dial.isTest(dial.statement()) == test) {
                return dial;
            }
        }
    }

    /**
     * A problem set: distinct problems, the same for equal arguments.
     *
     * @param split train or test
     * @param restated thoughts that a response has room for beside the 16 of a straight solution
     */
    public static List<Problem> problems(Level level, int count, long seed, String split, int restated, Claim claim) {
        boolean test = Dial.isTestSplit(split);
        SplittableRandom random = Seeds.of(seed)
                .split("dial-jumps")
                .split(level.name())
                .split(split)
                .generator();
        List<Problem> out = new ArrayList<>(count);
        Set<String> seen = new HashSet<>();
        for (int repeats = 0; out.size() < count; repeats++) {
            Dial.checkLeft(repeats, "dial-jumps, level " + level.name().toLowerCase(Locale.ROOT), out.size(), count);
            JumpDial dial = draw(random, MOVES, JUMPS_OF_A_PROBLEM, level.from, level.to, test);
            if (seen.add(dial.statement())) {
                String name = level.name().toLowerCase(Locale.ROOT);
                out.add(dial.problem(name + "-" + split + "-" + seed + "-" + out.size(), split, restated, claim));
                repeats = 0;
            }
        }
        return out;
    }

    private Problem problem(String id, String split, int restated, Claim claim) {
        List<String> oracle = new ArrayList<>();
        for (int k = 0; k < moves.length; k++) {
            oracle.add(thought(k, marks[k]));
        }
        String last = answer(marks[moves.length - 1]);
        return new Problem(
                id,
                statement(),
                ProblemKind.EXACT,
                claim == Claim.EVERY_MARK ? String.join("", oracle) + last : last,
                oracle,
                "dial-jumps",
                split,
                4 * (moves.length + restated) + 4);
    }
}
