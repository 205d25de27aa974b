package io.foothold.policy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** Reads and writes safetensors files: 8 bytes of header length, a JSON header, little-endian data. */
final class Safetensors {
    private static final long LONGEST_HEADER = 100_000_000;

    private Safetensors() {}

    /** A float32 tensor. */
    record Tensor(long[] shape, float[] data) {}

    /** All tensors of a directory: {@code model.safetensors}, or the shards named by its index. */
    static Map<String, Tensor> readDirectory(Path directory) {
        Path single = directory.resolve("model.safetensors");
        Path index = directory.resolve("model.safetensors.index.json");
        if (Files.exists(single) || !Files.exists(index)) {
            return read(single);
        }
        Map<String, Tensor> out = new LinkedHashMap<>();
        JsonNode map = ModelConfig.parse(index).path("weight_map");
        Map<String, Map<String, Tensor>> shards = new TreeMap<>();
        for (Iterator<Map.Entry<String, JsonNode>> it = map.fields(); it.hasNext(); ) {
            Map.Entry<String, JsonNode> entry = it.next();
            String shard = entry.getValue().asText();
            if (shard.contains("/") || shard.contains("..")) {
                throw new PolicyException(index + ": shard name '" + shard + "' leaves the directory");
            }
            Tensor tensor = shards.computeIfAbsent(shard, s -> read(directory.resolve(s)))
                    .get(entry.getKey());
            if (tensor == null) {
                throw new PolicyException(index + ": tensor '" + entry.getKey() + "' is not in shard " + shard);
            }
            out.put(entry.getKey(), tensor);
        }
        return out;
    }

    /** All tensors of a file, F32, F16 or BF16, as float32. */
    static Map<String, Tensor> read(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            ByteBuffer head = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            if (size < 8 || channel.read(head, 0) < 8) {
                throw new PolicyException(file + ": truncated: " + size + " bytes, a safetensors file has at least 8");
            }
            long headerLength = head.getLong(0);
            if (headerLength < 2 || headerLength > Math.min(LONGEST_HEADER, size - 8)) {
                throw new PolicyException(file + ": truncated or not a safetensors file: header of " + headerLength
                        + " bytes in a file of " + size);
            }
            byte[] header = new byte[(int) headerLength];
            channel.read(ByteBuffer.wrap(header), 8);
            JsonNode json = new ObjectMapper().readTree(header);
            Map<String, Tensor> out = new LinkedHashMap<>();
            long data = 8 + headerLength;
            for (Iterator<Map.Entry<String, JsonNode>> it = json.fields(); it.hasNext(); ) {
                Map.Entry<String, JsonNode> entry = it.next();
                if (!entry.getKey().equals("__metadata__")) {
                    out.put(entry.getKey(), tensor(file, channel, data, size, entry.getKey(), entry.getValue()));
                }
            }
            return out;
        } catch (java.nio.file.NoSuchFileException e) {
            throw new PolicyException(file + " is missing", e);
        } catch (IOException e) {
            throw new PolicyException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static Tensor tensor(Path file, FileChannel channel, long data, long size, String name, JsonNode json)
            throws IOException {
        long[] shape = new long[json.path("shape").size()];
        long count = 1;
        for (int i = 0; i < shape.length; i++) {
            shape[i] = json.path("shape").get(i).asLong();
            count = Math.multiplyExact(count, shape[i]);
        }
        String type = json.path("dtype").asText();
        int width = type.equals("F32") ? 4 : 2;
        if (!type.equals("F32") && !type.equals("BF16") && !type.equals("F16")) {
            throw new PolicyException(
                    file + ": tensor '" + name + "' has dtype " + type + " (expected F32, BF16 or F16)");
        }
        long from = json.path("data_offsets").path(0).asLong(-1);
        long to = json.path("data_offsets").path(1).asLong(-1);
        if (from < 0 || to - from != count * width || data + to > size) {
            throw new PolicyException(file + ": truncated: tensor '" + name + "' " + Arrays.toString(shape) + " " + type
                    + " needs bytes " + (data + from) + " to " + (data + to) + ", the file has " + size);
        }
        MappedByteBuffer map = channel.map(FileChannel.MapMode.READ_ONLY, data + from, to - from);
        map.order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[Math.toIntExact(count)];
        switch (type) {
            case "F32" -> map.asFloatBuffer().get(values);
            case "BF16" -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = Float.intBitsToFloat(map.getShort(2 * i) << 16);
                }
            }
            default -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = Float.float16ToFloat(map.getShort(2 * i));
                }
            }
        }
        return new Tensor(shape, values);
    }

    /** The bytes of a file with these float32 tensors, in the order of their names. */
    static byte[] encode(Map<String, Tensor> tensors) {
        ObjectNode header = new ObjectMapper().createObjectNode();
        header.putObject("__metadata__").put("format", "pt");
        long offset = 0;
        TreeMap<String, Tensor> sorted = new TreeMap<>(tensors);
        for (Map.Entry<String, Tensor> e : sorted.entrySet()) {
            ObjectNode node = header.putObject(e.getKey());
            node.put("dtype", "F32");
            ArrayNode shape = node.putArray("shape");
            for (long s : e.getValue().shape()) {
                shape.add(s);
            }
            long end = offset + 4L * e.getValue().data().length;
            node.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        StringBuilder text = new StringBuilder(header.toString());
        while ((8 + text.length()) % 8 != 0) {
            text.append(' ');
        }
        byte[] head = text.toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer out =
                ByteBuffer.allocate(Math.toIntExact(8 + head.length + offset)).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(head.length).put(head);
        for (Tensor t : sorted.values()) {
            out.slice().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(t.data());
            out.position(out.position() + 4 * t.data().length);
        }
        return out.array();
    }
}
