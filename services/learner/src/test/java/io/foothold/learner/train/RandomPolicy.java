package io.foothold.learner.train;

import io.foothold.policy.ModelConfig;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** A Hugging Face directory of random weights in bfloat16, written a piece at a time, for models that are larger than the memory. */
final class RandomPolicy {
    /** Numbers that are drawn; they come again and again, each time from another one on. */
    private static final int DRAWN = 1 << 20;

    private record Tensor(String name, int rows, int columns, double deviation) {
        long bytes() {
            return 2L * rows * Math.max(1, columns);
        }
    }

    private RandomPolicy() {}

    /** Writes a Qwen3 with a tied head: projections N(0, 1/fan-in), outputs of blocks scaled by 1/√(2 layers), embedding N(0, 0.05²). */
    static void write(Path directory, ModelConfig config) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("config.json"), config.toJson());
        Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": 1}");
        Files.writeString(directory.resolve("tokenizer.json"), "{\"version\":\"1.0\"}");
        List<Tensor> tensors = tensors(config);
        StringBuilder header = new StringBuilder("{");
        long at = 0;
        for (Tensor t : tensors) {
            header.append(String.format(
                    Locale.ROOT,
                    "%s\"%s\":{\"dtype\":\"BF16\",\"shape\":[%s],\"data_offsets\":[%d,%d]}",
                    at == 0 ? "" : ",",
                    t.name(),
                    t.columns() == 0 ? t.rows() : t.rows() + "," + t.columns(),
                    at,
                    at + t.bytes()));
            at += t.bytes();
        }
        byte[] head = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
        try (OutputStream out =
                new BufferedOutputStream(Files.newOutputStream(directory.resolve("model.safetensors")))) {
            out.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(head.length)
                    .array());
            out.write(head);
            Random random = new Random(1);
            float[] drawn = new float[DRAWN];
            for (int i = 0; i < DRAWN; i++) {
                drawn[i] = (float) random.nextGaussian();
            }
            for (Tensor t : tensors) {
                write(out, t, drawn, random);
            }
        }
    }

    private static void write(OutputStream out, Tensor t, float[] drawn, Random random) throws IOException {
        ByteBuffer piece = ByteBuffer.allocate(2 * DRAWN).order(ByteOrder.LITTLE_ENDIAN);
        for (long left = t.bytes() / 2; left > 0; ) {
            int n = (int) Math.min(left, DRAWN);
            int from = random.nextInt(DRAWN);
            piece.clear();
            for (int i = 0; i < n; i++) {
                float value = t.columns() == 0 ? 1 : (float) (drawn[(from + i) % DRAWN] * t.deviation());
                piece.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
            }
            out.write(piece.array(), 0, 2 * n);
            left -= n;
        }
    }

    private static List<Tensor> tensors(ModelConfig c) {
        List<Tensor> out = new ArrayList<>();
        out.add(new Tensor("model.embed_tokens.weight", c.vocabulary(), c.width(), 0.05));
        out.add(new Tensor("model.norm.weight", c.width(), 0, 0));
        double less = Math.sqrt(2.0 * c.layers());
        double in = 1 / Math.sqrt(c.width());
        int q = c.heads() * c.headDim();
        int kv = c.kvHeads() * c.headDim();
        for (int i = 0; i < c.layers(); i++) {
            String at = "model.layers." + i + ".";
            out.add(new Tensor(at + "input_layernorm.weight", c.width(), 0, 0));
            out.add(new Tensor(at + "self_attn.q_proj.weight", q, c.width(), in));
            out.add(new Tensor(at + "self_attn.k_proj.weight", kv, c.width(), in));
            out.add(new Tensor(at + "self_attn.v_proj.weight", kv, c.width(), in));
            out.add(new Tensor(at + "self_attn.o_proj.weight", c.width(), q, 1 / Math.sqrt(q) / less));
            out.add(new Tensor(at + "self_attn.q_norm.weight", c.headDim(), 0, 0));
            out.add(new Tensor(at + "self_attn.k_norm.weight", c.headDim(), 0, 0));
            out.add(new Tensor(at + "post_attention_layernorm.weight", c.width(), 0, 0));
            out.add(new Tensor(at + "mlp.gate_proj.weight", c.feedForward(), c.width(), in));
            out.add(new Tensor(at + "mlp.up_proj.weight", c.feedForward(), c.width(), in));
            out.add(new Tensor(
                    at + "mlp.down_proj.weight", c.width(), c.feedForward(), 1 / Math.sqrt(c.feedForward()) / less));
        }
        return out;
    }
}
