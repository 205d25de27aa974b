package io.foothold.augmentation.dial;

import io.foothold.core.random.Seeds;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The corpus that the base policy is bootstrapped on: solutions by a sloppy author who lands one mark too far on a mirror with
 * probability {@code mirrorSlip} and on a turn with {@code turnSlip}, and goes on from the wrong mark. The base imitates him,
 * so its success for each step is set by the corpus: a designed deficit. At most 3 mirrors a problem, so no hard problem is
 * leaked.
 */
public final class DialCorpus implements Corpus {
    /**
     * Settings of the author and the mix of exercises.
     *
     * @param mirrorSlip probability of a slip on a mirror
     * @param turnSlip probability of a slip on a turn
     * @param solveShare share of plain problems
     * @param continueShare share of guided prompts; the rest asks for the first wrong thought
     * @param locateWeight loss weight of the exercises that ask for the first wrong thought
     */
    public record Settings(
            double mirrorSlip, double turnSlip, double solveShare, double continueShare, double locateWeight) {
        /** The settings of the shipped base policy. */
        public static Settings standard() {
            return new Settings(0.75, 0.05, 0.45, 0.20, 4);
        }
    }

    private final Settings settings;
    private final SplittableRandom random;

    /** A corpus; equal arguments give equal exercises in equal order. */
    public DialCorpus(Settings settings, long seed) {
        this.settings = settings;
        this.random = Seeds.of(seed).split("dial-corpus").generator();
    }

    @Override
    public Exercise next(int longest) {
        Dial dial = problem(longest);
        double kind = random.nextDouble();
        if (kind < settings.solveShare()) {
            return solved(dial, 0);
        }
        if (kind < settings.solveShare() + settings.continueShare()) {
            return solved(dial, random.nextInt(1, dial.length() + 1));
        }
        while (true) {
            int[] marks = sloppy(dial, 0, dial.start());
            for (int k = 0; k < dial.length(); k++) {
                if (marks[k] != dial.mark(k)) {
                    String prompt = fill(Dial.LOCATE_TEMPLATE, dial, thoughts(dial, 0, marks));
                    return Exercise.imitating(
                            Dial.VOCABULARY.encode(prompt),
                            Dial.VOCABULARY.encode(Dial.step(k) + Dial.END),
                            settings.locateWeight());
                }
            }
            dial = problem(longest);
        }
    }

    private Dial problem(int longest) {
        int moves = random.nextInt(1, longest + 1);
        return Dial.draw(random, moves, Math.min(moves, random.nextInt(4)), false);
    }

    private Exercise solved(Dial dial, int given) {
        int[] all = new int[dial.length()];
        for (int k = 0; k < given; k++) {
            all[k] = dial.mark(k);
        }
        int[] rest = sloppy(dial, given, given == 0 ? dial.start() : dial.mark(given - 1));
        System.arraycopy(rest, 0, all, given, rest.length);
        String prompt = given == 0
                ? Dial.ROOT_TEMPLATE.replace("{problem}", dial.statement())
                : fill(Dial.GUIDED_TEMPLATE, dial, thoughts(dial, 0, java.util.Arrays.copyOf(all, given)));
        String response = thoughts(dial, given, rest) + Dial.answer(all);
        return Exercise.imitating(Dial.VOCABULARY.encode(prompt), Dial.VOCABULARY.encode(response), 1);
    }

    private static String fill(String template, Dial dial, String prefix) {
        return template.replace("{problem}", dial.statement()).replace("{prefix}", prefix);
    }

    private static String thoughts(Dial dial, int from, int[] marks) {
        List<String> out = new ArrayList<>();
        for (int i = 0; i < marks.length; i++) {
            out.add(dial.thought(from + i, marks[i]));
        }
        return String.join("", out);
    }

    /** The author's marks from move {@code from} on. */
    private int[] sloppy(Dial dial, int from, int mark) {
        int[] out = new int[dial.length() - from];
        int v = mark;
        for (int k = from; k < dial.length(); k++) {
            v = Dial.turn(v, dial.move(k));
            double slip = dial.move(k) >= Dial.TURNS ? settings.mirrorSlip() : settings.turnSlip();
            if (random.nextDouble() < slip) {
                v = (v + 1) % Dial.MARKS;
            }
            out[k - from] = v;
        }
        return out;
    }
}
