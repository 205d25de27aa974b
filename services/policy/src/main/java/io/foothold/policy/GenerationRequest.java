package io.foothold.policy;

import java.util.List;

/**
 * One sequence to sample. Arrays are not copied: the caller hands them over.
 *
 * @param id unique among the requests under way
 * @param prompt prompt token ids, at least one
 * @param given response tokens that are already there (a reset); never returned
 * @param maxTokens upper limit of sampled tokens
 * @param temperature softmax temperature; 0 takes the likeliest token
 * @param topP nucleus mass, 1 for all
 * @param topK number of likeliest tokens, 0 for all
 * @param seed of the sampling noise, indexed by absolute response position
 * @param ends what end-of-sequence tokens do
 * @param stopTokens further ids that end the sequence; the end names the index of the first that does
 * @param stopSequences byte sequences that end it, matched on decoded bytes across token borders
 */
public record GenerationRequest(
        String id,
        int[] prompt,
        int[] given,
        int maxTokens,
        double temperature,
        double topP,
        int topK,
        long seed,
        Ends ends,
        List<Integer> stopTokens,
        List<byte[]> stopSequences) {

    /** Plain sampling at temperature 1. */
    public static GenerationRequest plain(String id, int[] prompt, int maxTokens, long seed) {
        return new GenerationRequest(id, prompt, new int[0], maxTokens, 1, 1, 0, seed, Ends.STOP, List.of(), List.of());
    }

    /** What the end-of-sequence tokens of the policy do. */
    public enum Ends {
        /** They end the sequence. */
        STOP,
        /** They are tokens like others. */
        IGNORE,
        /** They are never drawn. */
        NEVER
    }

    /** Why a sequence ended. */
    public enum End {
        /** An end-of-sequence token. */
        STOP,
        /** One of the stop tokens. */
        STOP_TOKEN,
        /** One of the stop sequences. */
        STOP_STRING,
        /** The limit of tokens. */
        LENGTH,
        /** Aborted. */
        ABORT
    }

    /** Told of what a sequence produces, on the engine's thread; must not block. */
    public interface Listener {
        /**
         * New tokens, all of one policy version.
         *
         * @param tokens ids
         * @param logProbs natural logs, float32
         * @param version policy version that sampled them
         */
        void tokens(int[] tokens, float[] logProbs, long version);

        /**
         * The sequence ended.
         *
         * @param stopIndex index of the stop token or sequence, -1 for other ends
         */
        void ended(End end, int stopIndex);
    }
}
