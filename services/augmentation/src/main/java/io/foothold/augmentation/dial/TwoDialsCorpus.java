package io.foothold.augmentation.dial;

import io.foothold.core.random.Seeds;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * The corpus that the bases of {@link TwoDials} are bootstrapped on: solutions, a thought a move, by an author who works on the gauge as on
 * the dial and lands one mark too far on most leaps, and goes on from the wrong mark. On the gauge that is right. Guided exercises
 * begin with a correct prefix of every thought or of every second one and go on in the author's own style: the base can read terse working
 * and has never written it. At most 3 leaps a problem, so no hard problem is leaked.
 */
public final class TwoDialsCorpus implements Corpus {
    private static final int MOST_LEAPS = 3;

    /**
     * Settings of the author and the mix of exercises.
     *
     * @param dialSlip probability of a mark too far on a leap of the dial
     * @param gaugeSlip the same on the gauge
     * @param turnSlip the same on a turn
     * @param guidedShare share of guided exercises
     */
    public record Settings(double dialSlip, double gaugeSlip, double turnSlip, double guidedShare) {
        /** A hard problem passes about once in 500. */
        public static Settings standard() {
            return new Settings(.65, .65, .05, .35);
        }

        /** A hard problem passes about once in 5,000, and the author tells the gauge from the dial. */
        public static Settings rare() {
            return new Settings(.72, .85, .05, .35);
        }
    }

    private final Settings settings;
    private final SplittableRandom random;

    /** A corpus; equal arguments give equal exercises in equal order. */
    public TwoDialsCorpus(Settings settings, long seed) {
        this.settings = settings;
        this.random = Seeds.of(seed).split("two-dials-corpus").generator();
    }

    @Override
    public Exercise next(int longest) {
        int moves = 2 * random.nextInt(1, longest / 2 + 1);
        int leaps = random.nextInt(Math.min(moves, MOST_LEAPS) + 1);
        TwoDials dial = TwoDials.draw(random, random.nextBoolean(), moves, leaps, false);
        String prompt = Dial.ROOT_TEMPLATE.replace("{problem}", dial.statement());
        int given = 0;
        if (random.nextDouble() < settings.guidedShare()) {
            TwoDials.Oracle style = random.nextBoolean() ? TwoDials.Oracle.OWN : TwoDials.Oracle.TERSE;
            List<String> thoughts = dial.thoughts(style);
            int shown = random.nextInt(1, thoughts.size() + 1);
            given = shown * style.stride();
            prompt = Dial.GUIDED_TEMPLATE
                    .replace("{problem}", dial.statement())
                    .replace("{prefix}", String.join("", thoughts.subList(0, shown)));
        }
        return Exercise.imitating(
                TwoDials.VOCABULARY.encode(prompt), TwoDials.VOCABULARY.encode(solution(dial, given)), 1);
    }

    /** The author's thoughts from move {@code given} on, and his answer. */
    private String solution(TwoDials dial, int given) {
        int[] marks = new int[dial.length()];
        Arrays.setAll(marks, k -> k < given ? dial.mark(k) : 0);
        StringBuilder out = new StringBuilder();
        int v = given == 0 ? dial.start() : dial.mark(given - 1);
        for (int k = given; k < marks.length; k++) {
            v = TwoDials.after(v, dial.move(k), false);
            double slip = !TwoDials.isLeap(dial.move(k))
                    ? settings.turnSlip()
                    : dial.gauge() ? settings.gaugeSlip() : settings.dialSlip();
            if (random.nextDouble() < slip) {
                v = (v + 1) % TwoDials.MARKS;
            }
            marks[k] = v;
            out.append(dial.thought(k, v));
        }
        return out.append(TwoDials.answer(marks)).toString();
    }
}
