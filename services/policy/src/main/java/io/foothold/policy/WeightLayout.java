package io.foothold.policy;

import java.util.ArrayList;
import java.util.List;

/**
 * The order in which weights are passed to the script, and how each is put together from the tensors of a Hugging Face file:
 * q, k and v stand in one matrix, gate and up in another, stacked by rows.
 *
 * @param slots in script order
 * @param stride slots of one layer
 */
record WeightLayout(List<Slot> slots, int stride) {

    /** One tensor of a Hugging Face file, shape [rows, columns] or [rows]. */
    record Part(String name, int rows, int columns) {
        /** A part whose rows are a product of two settings. */
        static Part of(String name, long rows, int columns) {
            if (rows > Integer.MAX_VALUE) {
                throw new PolicyException("config.json asks for a tensor '" + name + "' of " + rows
                        + (columns == 0 ? "" : " x " + columns) + " numbers (expected at most " + Integer.MAX_VALUE
                        + " rows)");
            }
            return new Part(name, (int) rows, columns);
        }

        /** Numbers in it. */
        long size() {
            return (long) rows * Math.max(1, columns);
        }

        long[] shape() {
            return columns == 0 ? new long[] {rows} : new long[] {rows, columns};
        }
    }

    /** One weight of the script. */
    record Slot(List<Part> parts) {
        /** Numbers in it. */
        long size() {
            return parts.stream().mapToLong(Part::size).sum();
        }

        long[] shape() {
            long rows = parts.stream().mapToLong(Part::rows).sum();
            int columns = parts.get(0).columns();
            return columns == 0 ? new long[] {rows} : new long[] {rows, columns};
        }
    }

    static WeightLayout of(ModelConfig c) {
        List<Slot> slots = new ArrayList<>();
        slots.add(slot(new Part("model.embed_tokens.weight", c.vocabulary(), c.width())));
        slots.add(slot(new Part("model.norm.weight", c.width(), 0)));
        long q = (long) c.heads() * c.headDim();
        long kv = (long) c.kvHeads() * c.headDim();
        for (int i = 0; i < c.layers(); i++) {
            String at = "model.layers." + i + ".";
            slots.add(slot(new Part(at + "input_layernorm.weight", c.width(), 0)));
            slots.add(slot(
                    Part.of(at + "self_attn.q_proj.weight", q, c.width()),
                    Part.of(at + "self_attn.k_proj.weight", kv, c.width()),
                    Part.of(at + "self_attn.v_proj.weight", kv, c.width())));
            slots.add(slot(new Part(at + "self_attn.o_proj.weight", c.width(), (int) q)));
            slots.add(slot(new Part(at + "post_attention_layernorm.weight", c.width(), 0)));
            slots.add(slot(
                    new Part(at + "mlp.gate_proj.weight", c.feedForward(), c.width()),
                    new Part(at + "mlp.up_proj.weight", c.feedForward(), c.width())));
            slots.add(slot(new Part(at + "mlp.down_proj.weight", c.width(), c.feedForward())));
            if (c.qkNorm()) {
                slots.add(slot(new Part(at + "self_attn.q_norm.weight", c.headDim(), 0)));
                slots.add(slot(new Part(at + "self_attn.k_norm.weight", c.headDim(), 0)));
            }
            if (c.qkvBias()) {
                slots.add(slot(
                        Part.of(at + "self_attn.q_proj.bias", q, 0),
                        Part.of(at + "self_attn.k_proj.bias", kv, 0),
                        Part.of(at + "self_attn.v_proj.bias", kv, 0)));
            }
        }
        if (!c.tied()) {
            slots.add(slot(new Part("lm_head.weight", c.vocabulary(), c.width())));
        }
        return new WeightLayout(List.copyOf(slots), 6 + (c.qkNorm() ? 2 : 0) + (c.qkvBias() ? 1 : 0));
    }

    /** Numbers in the weights of one layer. */
    long layerParameters() {
        return slots.subList(2, 2 + stride).stream().mapToLong(Slot::size).sum();
    }

    long parameters() {
        return slots.stream().mapToLong(Slot::size).sum();
    }

    private static Slot slot(Part... parts) {
        return new Slot(List.of(parts));
    }
}
