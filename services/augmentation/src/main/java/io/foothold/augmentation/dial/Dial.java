package io.foothold.augmentation.dial;

import io.foothold.core.problem.Problem;
import io.foothold.core.problem.ProblemKind;
import io.foothold.core.random.Seeds;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.zip.CRC32;

/**
 * A dial with marks 0 to 9 stands at a mark. Each move turns it by 1 to 3 marks either way, or mirrors it (v becomes b − v
 * modulo 10); the solution names every mark at which it stops, one thought a move, and the answer lists them all, so that
 * errors neither cancel nor hit by luck.
 */
public final class Dial {
    /** Ends a thought. */
    public static final String DELIMITER = ";\n";

    /** Ends a response. */
    public static final String END = "<|end|>";

    /** Prompt of a root start state. */
    public static final String ROOT_TEMPLATE = "<|solve|>{problem}<|assistant|>";

    /** Prompt of a guided start state. */
    public static final String GUIDED_TEMPLATE = "<|continue|>{problem};\n{prefix}<|assistant|>";

    /** Prompt that asks for the first wrong thought. */
    public static final String LOCATE_TEMPLATE = "<|locate|>{problem};\n{prefix}<|assistant|>";

    /** Marks on the dial. */
    static final int MARKS = 10;

    static final int TURNS = 6;
    static final int MIRRORS = 4;
    static final int LONGEST = 8;
    /** Draws that bring nothing new, one after the other; one in so many does where hundreds are left. */
    private static final int MOST_REPEATS = 200_000;

    private static final String[] TURN_NAMES = {"+1", "+2", "+3", "-1", "-2", "-3"};

    /** The 38 tokens. */
    public static final PieceVocabulary VOCABULARY = vocabulary();

    private static PieceVocabulary vocabulary() {
        List<String> out = new ArrayList<>();
        for (int d = 0; d < MARKS; d++) {
            out.add(" " + d);
        }
        for (int move = 0; move < TURNS + MIRRORS; move++) {
            out.add(moveName(move));
        }
        for (int k = 0; k < LONGEST; k++) {
            out.add(step(k));
        }
        out.addAll(List.of("Dial at", DELIMITER, "\\boxed{", "}"));
        return new PieceVocabulary(
                List.of("<pad>", END, "<|solve|>", "<|continue|>", "<|locate|>", "<|assistant|>"), out);
    }

    /** How difficult a problem is: moves, and mirrors among them. */
    public enum Level {
        /** 4 to 6 moves, no mirror. */
        EASY(4, 6, 0, 0),
        /** 6 moves, 1 or 2 mirrors. */
        MEDIUM(6, 6, 1, 2),
        /** 8 moves, 2 or 3 mirrors. */
        MEDIUM8(8, 8, 2, 3),
        /** 8 moves, all mirrors. */
        HARD(8, 8, 8, 8);

        private final int fewestMoves;
        private final int mostMoves;
        private final int fewestMirrors;
        private final int mostMirrors;

        Level(int fewestMoves, int mostMoves, int fewestMirrors, int mostMirrors) {
            this.fewestMoves = fewestMoves;
            this.mostMoves = mostMoves;
            this.fewestMirrors = fewestMirrors;
            this.mostMirrors = mostMirrors;
        }

        /** The level of that name, in lower case. */
        public static Level named(String name) {
            for (Level level : values()) {
                if (level.name().equalsIgnoreCase(name)) {
                    return level;
                }
            }
            throw new IllegalArgumentException(
                    "unknown dial level '" + name + "' (expected easy, medium, medium8 or hard)");
        }
    }

    private final int start;
    private final int[] moves;
    private final int[] marks;

    Dial(int start, int[] moves) {
        this.start = start;
        this.moves = moves;
        this.marks = new int[moves.length];
        int v = start;
        for (int k = 0; k < moves.length; k++) {
            v = turn(v, moves[k]);
            marks[k] = v;
        }
    }

    /** Moves 0 to 5 turn by +1 +2 +3 −1 −2 −3, moves 6 to 9 mirror at 0 to 3. */
    static int turn(int mark, int move) {
        if (move < 3) {
            return (mark + move + 1) % MARKS;
        }
        if (move < TURNS) {
            return (mark - (move - 2) + MARKS) % MARKS;
        }
        return (move - TURNS - mark + MARKS) % MARKS;
    }

    static String moveName(int move) {
        return move < TURNS ? TURN_NAMES[move] : " mirror " + (move - TURNS);
    }

    static String step(int k) {
        return " (" + (k + 1) + ")";
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
            out.append(step(k)).append(moveName(moves[k]));
        }
        return out.toString();
    }

    /** The thought of move k that claims a mark. */
    String thought(int k, int mark) {
        return step(k) + moveName(moves[k]) + " " + mark + DELIMITER;
    }

    /** The answer that claims these marks. */
    static String answer(int[] marks) {
        StringBuilder out = new StringBuilder("\\boxed{");
        for (int k = 0; k < marks.length; k++) {
            out.append(step(k)).append(' ').append(marks[k]);
        }
        return out.append('}').append(END).toString();
    }

    /** Whether a statement belongs to the test side. */
    static boolean isTest(String statement) {
        CRC32 crc = new CRC32();
        crc.update(statement.getBytes(StandardCharsets.UTF_8));
        return crc.getValue() % 8 == 0;
    }

    /** Whether a split is the test side. */
    static boolean isTestSplit(String split) {
        return switch (split) {
            case "train" -> false;
            case "test" -> true;
            default -> throw new IllegalArgumentException("unknown split '" + split + "' (expected train or test)");
        };
    }

    /** A problem with so many moves and mirrors, from the training or the test side, which never meet. */
    static Dial draw(SplittableRandom random, int moves, int mirrors, boolean test) {
        while (true) {
            int[] order = new int[moves];
            for (int i = 0; i < moves; i++) {
                int j = random.nextInt(i + 1);
                order[i] = order[j];
                order[j] = i;
            }
            int[] sequence = new int[moves];
            for (int i = 0; i < moves; i++) {
                sequence[order[i]] = i < mirrors ? TURNS + random.nextInt(MIRRORS) : random.nextInt(TURNS);
            }
            Dial dial = new Dial(random.nextInt(MARKS), sequence);
            if (isTest(dial.statement()) == test) {
                return dial;
            }
        }
    }

    /**
     * A problem set: distinct problems, the same for equal arguments.
     *
     * @param split train or test
     * @throws IllegalArgumentException when there are not so many
     */
    public static List<Problem> problems(Level level, int count, long seed, String split) {
        boolean test = isTestSplit(split);
        SplittableRandom random =
                Seeds.of(seed).split("dial").split(level.name()).split(split).generator();
        List<Problem> out = new ArrayList<>(count);
        Set<String> seen = new HashSet<>();
        for (int repeats = 0; out.size() < count; repeats++) {
            checkLeft(repeats, "dial, level " + level.name().toLowerCase(java.util.Locale.ROOT), out.size(), count);
            int moves = random.nextInt(level.fewestMoves, level.mostMoves + 1);
            int mirrors = random.nextInt(level.fewestMirrors, level.mostMirrors + 1);
            Dial dial = draw(random, moves, mirrors, test);
            if (seen.add(dial.statement())) {
                String name = level.name().toLowerCase(java.util.Locale.ROOT);
                out.add(dial.problem(name + "-" + split + "-" + seed + "-" + out.size(), split));
                repeats = 0;
            }
        }
        return out;
    }

    /** Throws when so many draws in a row were of problems that had been drawn already that there are no others. */
    static void checkLeft(int repeats, String what, int found, int count) {
        if (repeats > MOST_REPEATS) {
            throw new IllegalArgumentException(
                    what + " has no " + count + " different problems: " + found + " were found, use a smaller count");
        }
    }

    private Problem problem(String id, String split) {
        List<String> oracle = new ArrayList<>();
        for (int k = 0; k < moves.length; k++) {
            oracle.add(thought(k, marks[k]));
        }
        int n = moves.length;
        return new Problem(id, statement(), ProblemKind.EXACT, answer(marks), oracle, "dial", split, 4 * n + 2 * n + 4);
    }
}
