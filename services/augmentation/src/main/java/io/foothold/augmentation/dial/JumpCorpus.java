package io.foothold.augmentation.dial;

import io.foothold.core.random.Seeds;
import java.util.SplittableRandom;

/**
 * The corpus of {@link JumpDial}'s base policy. A sloppy author lands 1, 2 or 3 marks too far on a jump (A to F: 1 2 3 1 2 3)
 * with probability {@code jumpSlip} and 1 mark too far on a turn with {@code turnSlip}, and goes on from the wrong mark. In
 * locate mode a trace with slips is read, and the right mark after the trace's own mark before it is predicted at every move:
 * the policy is taught to know better than it writes. At most 3 jumps a problem, anywhere, so no placement is leaked.
 */
public final class JumpCorpus implements Corpus {
    private static final int[] SLIPS = {1, 2, 3, 1, 2, 3};
    private static final int MOST_JUMPS = 3;

    /**
     * Settings of the author and the mix of exercises.
     *
     * @param jumpSlip probability of a slip on a jump
     * @param turnSlip probability of a slip on a turn
     * @param locateShare share of traces that are read in locate mode
     */
    public record Settings(double jumpSlip, double turnSlip, double locateShare) {
        /** The settings of the shipped base policy. */
        public static Settings standard() {
            return new Settings(0.7, 0.005, 0.35);
        }
    }

    /** How a locate trace is corrupted: more slips than the author makes, some of them anywhere on the dial. */
    private static final double TRACE_JUMP_SLIP = 0.5;

    private static final double TRACE_TURN_SLIP = 0.1;
    private static final double TRACE_WILD = 0.3;

    private final Settings settings;
    private final SplittableRandom random;

    /** A corpus; equal arguments give equal exercises in equal order. */
    public JumpCorpus(Settings settings, long seed) {
        this.settings = settings;
        this.random = Seeds.of(seed).split("jump-corpus").generator();
    }

    @Override
    public Exercise next(int longest) {
        // Half of the problems are about as long as the stage allows.
        int shortest = random.nextBoolean() ? 1 : Math.max(1, longest - 4);
        int moves = random.nextInt(shortest, longest + 1);
        int jumps = moves > 2 ? random.nextInt(MOST_JUMPS + 1) : random.nextInt(2);
        JumpDial dial = JumpDial.draw(random, moves, jumps, 0, moves, false);
        return random.nextDouble() < settings.locateShare() ? located(dial) : solved(dial);
    }

    private Exercise solved(JumpDial dial) {
        int[] marks = new int[dial.length()];
        int v = dial.start();
        for (int k = 0; k < marks.length; k++) {
            v = step(v, dial.move(k), settings.jumpSlip(), settings.turnSlip(), 0);
            marks[k] = v;
        }
        return Exercise.imitating(
                prompt(JumpDial.ROOT_TEMPLATE, dial),
                JumpDial.VOCABULARY.encode(thoughts(dial, marks) + JumpDial.answer(v)),
                1);
    }

    private Exercise located(JumpDial dial) {
        int[] marks = new int[dial.length()];
        int[] labels = new int[4 * marks.length];
        java.util.Arrays.fill(labels, -1);
        int v = dial.start();
        for (int k = 0; k < marks.length; k++) {
            labels[4 * k + 2] = JumpDial.VOCABULARY.id(" " + JumpDial.after(v, dial.move(k)));
            v = step(v, dial.move(k), TRACE_JUMP_SLIP, TRACE_TURN_SLIP, TRACE_WILD);
            marks[k] = v;
        }
        return new Exercise(
                prompt(JumpDial.LOCATE_TEMPLATE, dial), JumpDial.VOCABULARY.encode(thoughts(dial, marks)), labels, 1);
    }

    /** The mark that the author writes. */
    private int step(int mark, int move, double jumpSlip, double turnSlip, double wild) {
        int right = JumpDial.after(mark, move);
        boolean jump = JumpDial.isJump(move);
        if (random.nextDouble() >= (jump ? jumpSlip : turnSlip)) {
            return right;
        }
        int by = random.nextDouble() < wild
                ? random.nextInt(1, JumpDial.MARKS)
                : jump ? SLIPS[JumpDial.jumpNumber(move)] : 1;
        return (right + by) % JumpDial.MARKS;
    }

    private static int[] prompt(String template, JumpDial dial) {
        return JumpDial.VOCABULARY.encode(template.replace("{problem}", dial.statement()));
    }

    private static String thoughts(JumpDial dial, int[] marks) {
        StringBuilder out = new StringBuilder();
        for (int k = 0; k < marks.length; k++) {
            out.append(dial.thought(k, marks[k]));
        }
        return out.toString();
    }
}
