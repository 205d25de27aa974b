package io.foothold.augmentation.dial;

import io.foothold.core.random.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The corpus of {@link JumpDial}'s base policy. A sloppy author lands 1, 2 or 3 marks too far on a jump (A to F: 1 2 3 1 2 3)
 * with probability {@code jumpSlip} and 1 mark too far on a turn with {@code turnSlip}, and goes on from the wrong mark. In
 * locate mode a trace with slips is read, and the right mark after the trace's own mark before it is predicted at every move:
 * the policy is taught to know better than it writes. At most 3 jumps a problem, anywhere, so no placement is leaked.
 *
 * <p>An author who restates looks back: while a slip stands, he notices it after any thought with probability {@code restate},
 * writes that move again with the right mark and goes on from there, at most twice a solution.
 */
public final class JumpCorpus implements Corpus {
    private static final int[] SLIPS = {1, 2, 3, 1, 2, 3};
    private static final int MOST_JUMPS = 3;

    private static final int MOST_RESTATED = 2;

    /**
     * Settings of the author and the mix of exercises.
     *
     * @param jumpSlip probability of a slip on a jump
     * @param turnSlip probability of a slip on a turn
     * @param locateShare share of traces that are read in locate mode
     * @param restate probability that a standing slip is noticed after a thought
     */
    public record Settings(double jumpSlip, double turnSlip, double locateShare, double restate) {
        /** The settings of the shipped base policy, whose author never looks back. */
        public static Settings standard() {
            return new Settings(0.7, 0.005, 0.35, 0);
        }

        /** The settings of the base policy that corrects itself now and then. */
        public static Settings restating() {
            return new Settings(0.7, 0.005, 0.35, 0.1);
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
        Trace trace = trace(dial, settings.jumpSlip(), settings.turnSlip(), 0);
        return Exercise.imitating(
                prompt(JumpDial.ROOT_TEMPLATE, dial),
                JumpDial.VOCABULARY.encode(trace.text() + JumpDial.answer(trace.last())),
                1);
    }

    private Exercise located(JumpDial dial) {
        Trace trace = trace(dial, TRACE_JUMP_SLIP, TRACE_TURN_SLIP, TRACE_WILD);
        int[] labels = new int[4 * trace.right().size()];
        Arrays.fill(labels, -1);
        for (int i = 0; i < trace.right().size(); i++) {
            labels[4 * i + 2] = JumpDial.VOCABULARY.id(" " + trace.right().get(i));
        }
        return new Exercise(
                prompt(JumpDial.LOCATE_TEMPLATE, dial), JumpDial.VOCABULARY.encode(trace.text()), labels, 1);
    }

    /**
     * What an author wrote.
     *
     * @param text of the thoughts
     * @param right for each thought the right mark after the mark it went on from
     * @param last mark
     */
    private record Trace(String text, List<Integer> right, int last) {}

    private Trace trace(JumpDial dial, double jumpSlip, double turnSlip, double wild) {
        StringBuilder text = new StringBuilder();
        List<Integer> right = new ArrayList<>();
        int[] marks = new int[dial.length()];
        int standing = -1;
        int restated = 0;
        for (int k = 0; k < marks.length; k++) {
            right.add(JumpDial.after(k == 0 ? dial.start() : marks[k - 1], dial.move(k)));
            marks[k] = step(right.getLast(), dial.move(k), jumpSlip, turnSlip, wild);
            text.append(dial.thought(k, marks[k]));
            standing = standing < 0 && marks[k] != right.getLast() ? k : standing;
            boolean canNotice = settings.restate() > 0 && standing >= 0 && restated < MOST_RESTATED;
            if (canNotice && random.nextDouble() < settings.restate()) {
                k = standing;
                right.add(JumpDial.after(k == 0 ? dial.start() : marks[k - 1], dial.move(k)));
                marks[k] = right.getLast();
                text.append(dial.thought(k, marks[k]));
                standing = -1;
                restated++;
            }
        }
        return new Trace(text.toString(), right, marks[marks.length - 1]);
    }

    /** The mark that the author writes in place of the right one. */
    private int step(int right, int move, double jumpSlip, double turnSlip, double wild) {
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
}
