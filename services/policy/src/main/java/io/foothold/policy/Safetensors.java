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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Reads and writes safetensors files: 8 bytes of header length, a JSON header, little-endian data. */
final class Safetensors {
    private static final long LONGEST_HEADER = 100_000_000;
    /** What can be mapped at once. */
    private static final long MOST_BYTES = Integer.MAX_VALUE;

    private Safetensors() {}

    /** A float32 tensor. */
    record Tensor(long[] shape, float[] data) {
        /** The first bits that are no number of float32's range: those of infinity. */
        private static final int INFINITY = 0x7F800000;

        /** Where in the tensor an entry of {@link #data} stands: [row, column]. */
        String place(int at) {
            long[] index = new long[shape.length];
            long left = at;
            for (int i = shape.length - 1; i >= 0; left /= shape[i--]) {
                index[i] = left % shape[i];
            }
            return Arrays.toString(index);
        }

        /** Refuses NaN and infinities. One pass of whole numbers, so that the compiler can take many at a time. */
        void requireNumbers(String name, String where) {
            int most = 0;
            for (float x : data) {
                most = Math.max(most, Float.floatToRawIntBits(x) & Integer.MAX_VALUE);
            }
            for (int i = 0; most >= INFINITY && i < data.length; i++) {
                if (!Float.isFinite(data[i])) {
                    throw new PolicyException(where + ": tensor '" + name + "' has " + data[i] + " at " + place(i)
                            + " (expected numbers)");
                }
            }
        }
    }

    /** All tensors of a directory: {@code model.safetensors}, or the shards named by its index. */
    static Map<String, Tensor> readDirectory(Path directory) {
        Path single = directory.resolve("model.safetensors");
        Path index = directory.resolve("model.safetensors.index.json");
        if (Files.exists(single) || !Files.exists(index)) {
            return read(single);
        }
        JsonNode map = JsonFields.read(index).object("weight_map").json();
        Map<String, Map<String, Tensor>> shards = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry : map.properties()) {
            String shard = entry.getValue().asText();
            if (shard.contains("/") || shard.contains("..")) {
                throw new PolicyException(index + ": shard name '" + shard + "' leaves the directory");
            }
            if (!shards.computeIfAbsent(shard, s -> read(directory.resolve(s))).containsKey(entry.getKey())) {
                throw new PolicyException(index + ": tensor '" + entry.getKey() + "' is not in shard " + shard);
            }
        }
        Map<String, Tensor> out = new LinkedHashMap<>();
        shards.forEach((shard, tensors) -> tensors.forEach((name, tensor) -> {
            if (!map.path(name).asText().equals(shard)) {
                throw new PolicyException(directory.resolve(shard) + ": tensor '" + name + "' is "
                        + (map.has(name) ? "in " + map.path(name).asText() : "nowhere") + " by " + index.getFileName());
            }
            out.put(name, tensor);
        }));
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
            JsonNode json = JsonFields.STRICT.readTree(header);
            if (!json.isObject()) {
                throw new PolicyException(file + ": the header is no JSON object");
            }
            long data = 8 + headerLength;
            Map<String, Entry> entries = new LinkedHashMap<>();
            for (Map.Entry<String, JsonNode> field : json.properties()) {
                if (!field.getKey().equals("__metadata__")) {
                    entries.put(field.getKey(), Entry.of(file, field.getKey(), field.getValue(), size - data));
                }
            }
            checkCover(file, entries, size - data);
            Map<String, Tensor> out = new LinkedHashMap<>();
            for (Map.Entry<String, Entry> entry : entries.entrySet()) {
                out.put(entry.getKey(), tensor(channel, data, entry.getValue()));
            }
            return out;
        } catch (java.nio.file.NoSuchFileException e) {
            throw new PolicyException(file + " is missing", e);
        } catch (IOException e) {
            throw new PolicyException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Where a tensor lies.
     *
     * @param type F32, BF16 or F16
     * @param count entries
     * @param from first byte, counted from the end of the header
     * @param to byte behind the last
     */
    private record Entry(long[] shape, String type, int count, long from, long to) {
        static Entry of(Path file, String name, JsonNode json, long bytes) {
            String what = file + ": tensor '" + name + "'";
            JsonNode dimensions = json.path("shape");
            long[] shape = new long[dimensions.size()];
            boolean shaped = dimensions.isArray();
            for (int i = 0; i < shape.length; i++) {
                JsonNode dimension = dimensions.get(i);
                shape[i] = dimension.longValue();
                shaped &= dimension.isIntegralNumber() && dimension.canConvertToLong() && shape[i] >= 0;
            }
            if (!shaped) {
                throw new PolicyException(what + " has shape " + dimensions + " (expected a list of sizes, 0 or more)");
            }
            String type = json.path("dtype").asText();
            if (!type.equals("F32") && !type.equals("BF16") && !type.equals("F16")) {
                throw new PolicyException(what + " has dtype " + type + " (expected F32, BF16 or F16)");
            }
            JsonNode offsets = json.path("data_offsets");
            if (offsets.size() != 2
                    || !offsets.get(0).isIntegralNumber()
                    || !offsets.get(0).canConvertToLong()
                    || !offsets.get(1).isIntegralNumber()
                    || !offsets.get(1).canConvertToLong()) {
                throw new PolicyException(what + " has data_offsets " + offsets
                        + " (expected its first byte and the one" + " behind its last)");
            }
            long from = offsets.get(0).longValue();
            long to = offsets.get(1).longValue();
            long width = type.equals("F32") ? 4 : 2;
            long needed = width;
            for (long s : shape) {
                // Beyond what can be mapped, larger products say nothing more and would run over.
                needed = s == 0 ? 0 : needed > MOST_BYTES / s ? MOST_BYTES + 1 : needed * s;
            }
            if (needed > MOST_BYTES) {
                throw new PolicyException(what + " has shape " + Arrays.toString(shape) + " (expected at most "
                        + MOST_BYTES + " bytes in one tensor)");
            }
            if (from < 0 || to < from || to - from != needed) {
                throw new PolicyException(what + " " + Arrays.toString(shape) + " " + type + " has data_offsets "
                        + offsets + " (expected " + needed + " bytes)");
            }
            if (to > bytes) {
                throw new PolicyException(file + ": truncated: tensor '" + name + "' " + Arrays.toString(shape) + " "
                        + type + " needs bytes " + from + " to " + to + " behind the header, the file has " + bytes);
            }
            return new Entry(shape, type, (int) (needed / width), from, to);
        }
    }

    /** The tensors must lie one behind the other and fill the file: neither shared bytes nor bytes that nobody reads. */
    private static void checkCover(Path file, Map<String, Entry> entries, long bytes) {
        List<Map.Entry<String, Entry>> sorted = new ArrayList<>(entries.entrySet());
        sorted.sort(Comparator.<Map.Entry<String, Entry>>comparingLong(
                        e -> e.getValue().from())
                .thenComparingLong(e -> e.getValue().to()));
        long at = 0;
        String before = "the header";
        for (Map.Entry<String, Entry> e : sorted) {
            if (e.getValue().from() != at) {
                throw new PolicyException(file + ": tensor '" + e.getKey() + "' begins at byte "
                        + e.getValue().from() + ", but " + before + " ends at byte " + at
                        + " (expected tensors without "
                        + (e.getValue().from() < at ? "bytes in common" : "a gap") + ")");
            }
            at = e.getValue().to();
            before = "'" + e.getKey() + "'";
        }
        if (at != bytes) {
            throw new PolicyException(
                    file + ": the tensors end at byte " + at + ", the file has " + bytes + " behind its header");
        }
    }

    private static Tensor tensor(FileChannel channel, long data, Entry entry) throws IOException {
        MappedByteBuffer map =
                channel.map(FileChannel.MapMode.READ_ONLY, data + entry.from(), entry.to() - entry.from());
        map.order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[entry.count()];
        switch (entry.type()) {
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
        return new Tensor(entry.shape(), values);
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
