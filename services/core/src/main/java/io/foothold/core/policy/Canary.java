package io.foothold.core.policy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What proves that an inference server computes with the weights that it was given: token sequences, and the log-probs that the
 * learner gives their tokens under those weights. A server that scores them otherwise has older weights somewhere, a cache that
 * outlived them, or another model.
 *
 * <p>Immutable by convention: nobody writes into the arrays.
 *
 * @param sequences token ids, at least two of each
 * @param logProbs natural log-prob of every token after the first, temperature 1, full support; one shorter than its sequence
 */
public record Canary(List<int[]> sequences, List<float[]> logProbs) {
    /**
     * Lengths of the sequences: different ones, of which one spans a block of 128 tokens (the largest block of a prefix cache that we
     * know, vLLM's on CPUs) with 16 to spare, so that its second pass meets what such a cache kept.
     */
    private static final int[] LENGTHS = {7, 33, 146};

    /** How many times nearer scores must be to one of two canaries before they are taken to be of its weights. */
    private static final double CLEARLY = 10;

    /** Checks that they fit each other. */
    public Canary {
        sequences = List.copyOf(sequences);
        logProbs = List.copyOf(logProbs);
        if (sequences.isEmpty() || sequences.size() != logProbs.size()) {
            throw new IllegalArgumentException("a canary needs as many lists of log-probs as sequences, at least one: "
                    + logProbs.size() + " for " + sequences.size());
        }
        for (int i = 0; i < sequences.size(); i++) {
            if (sequences.get(i).length < 2 || logProbs.get(i).length != sequences.get(i).length - 1) {
                throw new IllegalArgumentException(
                        "sequence " + i + " of a canary needs 2 tokens or more, and one log-prob"
                                + " for each after the first: " + logProbs.get(i).length + " for "
                                + sequences.get(i).length);
            }
        }
    }

    /**
     * The sequences of a run: token ids drawn evenly, the same for the same arguments.
     *
     * @param seed of the run
     * @param vocabulary number of token ids
     * @param longest most tokens that the model takes; longer sequences are cut
     */
    public static List<int[]> sequences(long seed, int vocabulary, int longest) {
        SplittableRandom random = new SplittableRandom(seed);
        List<int[]> out = new ArrayList<>();
        for (int length : LENGTHS) {
            out.add(random.ints(Math.min(length, longest), 0, vocabulary).toArray());
        }
        return out;
    }

    /**
     * A canary as it travels: everything of all sequences one after the other.
     *
     * @throws IllegalArgumentException when the lengths do not fit
     */
    public static Canary of(int[] ids, int[] lengths, float[] logProbs) {
        List<int[]> sequences = new ArrayList<>();
        List<float[]> known = new ArrayList<>();
        int from = 0;
        for (int length : lengths) {
            int scored = from - sequences.size();
            if (length < 2 || length > ids.length - from || scored + length - 1 > logProbs.length) {
                throw new IllegalArgumentException(misfit(ids, lengths, logProbs));
            }
            sequences.add(Arrays.copyOfRange(ids, from, from + length));
            known.add(Arrays.copyOfRange(logProbs, scored, scored + length - 1));
            from += length;
        }
        if (from != ids.length || from - sequences.size() != logProbs.length) {
            throw new IllegalArgumentException(misfit(ids, lengths, logProbs));
        }
        return new Canary(sequences, known);
    }

    private static String misfit(int[] ids, int[] lengths, float[] logProbs) {
        return "lengths " + Arrays.toString(lengths) + " of a canary (each at least 2) do not fit " + ids.length
                + " tokens and " + logProbs.length
                + " log-probs (expected one for each token after the first of its sequence)";
    }

    /** Tokens of all sequences. */
    public int[] ids() {
        return sequences.stream().flatMapToInt(Arrays::stream).toArray();
    }

    /** How many tokens each sequence has. */
    public int[] lengths() {
        return sequences.stream().mapToInt(s -> s.length).toArray();
    }

    /** Log-probs of all sequences. */
    public float[] allLogProbs() {
        int size = logProbs.stream().mapToInt(l -> l.length).sum();
        float[] out = new float[size];
        int at = 0;
        for (float[] part : logProbs) {
            System.arraycopy(part, 0, out, at, part.length);
            at += part.length;
        }
        return out;
    }

    /**
     * Log-probs that somebody else gives some tokens of a sequence.
     *
     * @param sequence index of the sequence
     * @param from how many tokens stand before the first token that is scored, less one: 0 for the second token of the sequence
     * @param logProbs one a token, in order
     */
    public record Scored(int sequence, int from, float[] logProbs) {}

    /**
     * Whether scores are clearly of this canary's weights and not of another's: at least ten times nearer, in the mean. Weights that
     * differ by less than rounding does are told apart by neither: the answer is no, whichever is asked.
     *
     * @param other of the same sequences under other weights
     */
    public boolean isClearly(List<Scored> found, Canary other) {
        return other.difference(found).mean() > CLEARLY * difference(found).mean();
    }

    /** Whether another canary has the same sequences, so that the two can be compared. */
    public boolean comparesWith(Canary other) {
        return Arrays.equals(ids(), other.ids()) && Arrays.equals(lengths(), other.lengths());
    }

    /** How far somebody else's log-probs are from these. A cut sequence keeps its log-probs, and not every token needs to be scored. */
    public Difference difference(List<Scored> found) {
        double sum = 0;
        double max = 0;
        long count = 0;
        for (Scored part : found) {
            float[] here = logProbs.get(part.sequence());
            for (int t = 0; t < part.logProbs().length; t++) {
                double d = Math.abs((double) here[part.from() + t] - part.logProbs()[t]);
                // Also what is no number on either side, and infinite on both.
                d = Double.isFinite(d) ? d : Double.POSITIVE_INFINITY;
                sum += d;
                max = Math.max(max, d);
                count++;
            }
        }
        if (count == 0) {
            throw new IllegalArgumentException("nothing was scored");
        }
        return new Difference(sum / count, max);
    }

    /**
     * Differences of log-probs, nats; infinite when one of them is no number.
     *
     * @param mean over all tokens
     * @param max largest
     */
    public record Difference(double mean, double max) {}

    /**
     * What rounding may do, nats.
     *
     * @param mean most that the mean difference may be
     * @param max most that any may be
     */
    public record Bound(double mean, double max) {
        /** For engines that compute in float32. */
        public static final Bound FLOAT32 = new Bound(1e-3, 1e-2);

        /** For engines whose matrices, keys and values are bfloat16. */
        public static final Bound BFLOAT16 = new Bound(0.1, 1);

        /** Checks ranges. */
        public Bound {
            if (!(mean >= 0) || !(max >= mean)) {
                throw new IllegalArgumentException("a canary's bound needs 0 <= mean <= max, got " + mean + ", " + max);
            }
        }

        /**
         * Reads {@code MEAN,MAX}.
         *
         * @throws IllegalArgumentException naming the text when it is not of that form
         */
        public static Bound parse(String text) {
            String[] parts = text.split(",", -1);
            try {
                if (parts.length == 2) {
                    return new Bound(Double.parseDouble(parts[0].strip()), Double.parseDouble(parts[1].strip()));
                }
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(form(text), e);
            }
            throw new IllegalArgumentException(form(text));
        }

        private static String form(String text) {
            return "'" + text + "' is no bound of a canary (expected MEAN,MAX in nats, such as 0.001,0.01)";
        }

        /** Whether a difference is within it. */
        public boolean holds(Difference difference) {
            return difference.mean() <= mean && difference.max() <= max;
        }
    }
}
