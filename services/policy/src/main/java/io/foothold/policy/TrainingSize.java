package io.foothold.policy;

import java.util.Optional;

/** How much of a batch goes through a model at once when it is trained. */
public final class TrainingSize {
    /** Memory of what a micro-batch keeps for its backward pass. */
    private static final long BYTES = 1L << 30;

    private static final int MOST = 8192;
    private static final int FEWEST = 256;
    /** Kept of a token in a layer: widths before and after norms and products, and the inside of the feed-forward part. */
    private static final int WIDTHS = 10;

    private static final int FEED_FORWARD_WIDTHS = 4;
    /** Rows of the vocabulary's length that a predicted token needs: logits, log-probs, their gradients. */
    private static final int VOCABULARIES = 4;

    private TrainingSize() {}

    /**
     * Tokens of a micro-batch that follow from the model alone, so that a run is the same on every machine: as many as leave 1 GiB of
     * activations and logits, from 256 to 8192.
     */
    public static int microBatchTokens(ModelConfig config) {
        return microBatchTokens(bytesPerToken(config));
    }

    /** The same within a bound on the memory of a micro-batch, for machines that have less. */
    public static int microBatchTokens(ModelConfig config, long bytes) {
        return microBatchTokens(bytesPerToken(config), bytes);
    }

    static int microBatchTokens(long bytesPerToken) {
        return microBatchTokens(bytesPerToken, BYTES);
    }

    static int microBatchTokens(long bytesPerToken, long bytes) {
        return (int) Math.clamp(Math.min(BYTES, bytes) / bytesPerToken, FEWEST, MOST);
    }

    /**
     * What the learner holds for as long as it trains, in bytes of float32: weights, gradients and moments. Of adapters on models that are
     * not small, the folded base beside those of the adapters; on small ones the frozen and the merged weights, and inside a micro-batch
     * the merged matrices once more with their gradients. An estimate.
     */
    public static long learnerBytes(ModelConfig config, Optional<Lora> lora) {
        long adapters = lora.map(l -> l.parameters(config)).orElse(0L);
        boolean folded = lora.isPresent() && Precision.standard(config) == Precision.FAST;
        return Float.BYTES * ((folded ? 1L : 4L) * config.parameters() + 4 * adapters);
    }

    /** What a micro-batch keeps of each of its tokens when every one is predicted, in bytes of float32; an estimate. */
    public static long bytesPerToken(ModelConfig config) {
        return layerBytesPerToken(config) + logitBytesPerToken(config.vocabulary());
    }

    /** The part of it that logits and their gradients take. */
    static long logitBytesPerToken(int vocabulary) {
        return (long) Float.BYTES * VOCABULARIES * vocabulary;
    }

    /** The part of it that the layers keep. */
    private static long layerBytesPerToken(ModelConfig config) {
        long layer = (long) WIDTHS * config.width() + (long) FEED_FORWARD_WIDTHS * config.feedForward();
        return Float.BYTES * config.layers() * layer;
    }

    /**
     * How many layers of a micro-batch are computed a second time in the backward pass because what they would keep does not fit: the
     * first ones, so that their memory is free again when it is their turn. An estimate.
     *
     * @param tokens of the micro-batch
     * @param whole whether all weights are trained: a layer that is kept then holds them folded
     * @param bytes what all layers may keep
     * @return from 0 to the number of layers
     */
    static int recomputedLayers(ModelConfig config, long tokens, boolean whole, long bytes) {
        long layers = config.layers();
        long weights = whole ? Float.BYTES * WeightLayout.of(config).layerParameters() : 0;
        long kept = tokens * layerBytesPerToken(config) / layers + weights;
        // Of those that are computed again the inputs are kept; the layer whose turn it is has gradients of its weights
        // too.
        long input = Float.BYTES * tokens * config.width();
        long fit = (bytes - weights - layers * input) / (kept - input);
        return (int) (layers - Math.clamp(fit, 0, layers));
    }
}
