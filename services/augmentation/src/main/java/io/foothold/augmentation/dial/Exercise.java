package io.foothold.augmentation.dial;

/**
 * One exercise of a bootstrap corpus.
 *
 * @param prompt token ids of the prompt, without a loss
 * @param response token ids that are read after it
 * @param labels token to be predicted in the place of each response token, −1 for no loss; empty when the response itself is
 *     predicted
 * @param weight of its labels in the loss
 */
public record Exercise(int[] prompt, int[] response, int[] labels, double weight) {
    /** An exercise whose response is what is predicted. */
    static Exercise imitating(int[] prompt, int[] response, double weight) {
        return new Exercise(prompt, response, new int[0], weight);
    }
}
