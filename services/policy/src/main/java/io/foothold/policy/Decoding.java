package io.foothold.policy;

import io.foothold.core.random.Seeds;
import java.util.Arrays;
import java.util.List;

/** What a call of decode steps is given of the sequences in slots. Immutable. */
final class Decoding {
    private final ModelConfig config;
    private final GenerationEngine.Settings settings;
    private final int blockRows;

    /**
     * For an engine.
     *
     * @param blockRows rows that attend over the same number of keys
     */
    Decoding(ModelConfig config, GenerationEngine.Settings settings, int blockRows) {
        this.config = config;
        this.settings = settings;
        this.blockRows = blockRows;
    }

    /**
     * A call.
     *
     * @param active sequences by slot, those included that ended after the last step
     */
    Transformer.Decode of(List<SampledSequence> active) {
        int live = active.size();
        int steps = settings.stepsPerCall();
        // A row of a matrix product keeps its bits in batches of 7 rows and more, not in smaller ones.
        boolean padded = settings.deterministic() || settings.precision() == Precision.EXACT;
        int n = padded ? (live + 7) / 8 * 8 : live;
        boolean restricted = false;
        boolean held = false;
        long[] holds = new long[n];
        // Nothing but sampling at temperature 1: no given token, no greedy row.
        boolean plain = true;
        long[] state = new long[n * (3 + steps)];
        float[] numbers = new float[n * (2 + steps)];
        for (int r = 0; r < n; r++) {
            int at = r * (3 + steps);
            int nat = r * (2 + steps);
            Arrays.fill(state, at + 3, at + 3 + steps, -1);
            if (r >= live) {
                numbers[nat] = 1;
                numbers[nat + 1] = 1;
                continue;
            }
            SampledSequence a = active.get(r);
            GenerationRequest q = a.request;
            state[at] = a.next;
            state[at + 1] = a.position();
            state[at + 2] = q.topK();
            numbers[nat] = (float) q.temperature();
            numbers[nat + 1] = (float) q.topP();
            for (int s = 0; s < steps; s++) {
                int response = a.fed + s;
                if (response < q.given().length) {
                    state[at + 3 + s] = q.given()[response];
                    plain = false;
                } else {
                    numbers[nat + 2 + s] = Seeds.uniform(q.seed(), response);
                }
            }
            restricted |= a.restricted();
            if (q.ends() == GenerationRequest.Ends.NEVER) {
                holds[r] = 1;
                held = true;
            }
            plain &= q.temperature() == 1;
        }
        long[] blocks = blocks(active, n);
        long[] ends =
                held ? config.endTokens().stream().mapToLong(Integer::longValue).toArray() : new long[0];
        return new Transformer.Decode(n, steps, state, numbers, blocks, ends, holds, restricted, plain);
    }

    /** End row and keys of each block: older rows stand in front, and a block attends over its own longest row only. */
    private long[] blocks(List<SampledSequence> active, int n) {
        int live = active.size();
        if (settings.deterministic()) {
            return new long[] {n, settings.maxLength() + settings.stepsPerCall()};
        }
        int count = (live + blockRows - 1) / blockRows;
        long[] out = new long[2 * count];
        for (int j = 0; j < count; j++) {
            int end = Math.min(live, (j + 1) * blockRows);
            int longest = 0;
            for (int r = j * blockRows; r < end; r++) {
                longest = Math.max(longest, active.get(r).position() + settings.stepsPerCall());
            }
            out[2 * j] = j == count - 1 ? n : end;
            out[2 * j + 1] = longest;
        }
        return out;
    }
}
