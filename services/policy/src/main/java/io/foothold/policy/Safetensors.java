package io.foothold.policy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** Reads and writes safetensors files: 8 bytes of header length, a JSON header, little-endian data. */
final class Safetensors {
    private static final long LONGEST_HEADER = 100_000_000;
    /** More than any file has; sizes up to here can be multiplied without running over. */
    private static final long MOST_BYTES = 1L << 60;

    /** Bytes of a number of each type of the format. */
    private static final Map<String, Integer> WIDTHS = Map.ofEntries(
            Map.entry("F64", 8),
            Map.entry("I64", 8),
            Map.entry("U64", 8),
            Map.entry("F32", 4),
            Map.entry("I32", 4),
            Map.entry("U32", 4),
            Map.entry("F16", 2),
            Map.entry("BF16", 2),
            Map.entry("I16", 2),
            Map.entry("U16", 2),
            Map.entry("I8", 1),
            Map.entry("U8", 1),
            Map.entry("BOOL", 1),
            Map.entry("F8_E4M3", 1),
            Map.entry("F8_E5M2", 1));

    private Safetensors() {}

    /**
     * All tensors of a directory: {@code model.safetensors}, or the shards named by its index. Mapped, not read.
     *
     * @param arena how long they can be read
     */
    static Map<String, HostTensor> readDirectory(Path directory, Arena arena) {
        return ofDirectory(directory, file -> read(file, arena));
    }

    /**
     * A tensor as its file's header describes it.
     *
     * @param dtype in safetensors' words
     * @param shape sizes of the dimensions
     */
    record Stored(String dtype, long[] shape) {}

    /** What all tensors of a directory are, of any type; see {@link #readDirectory}. */
    static Map<String, Stored> stored(Path directory) {
        return ofDirectory(directory, Safetensors::storedIn);
    }

    private static <T> Map<String, T> ofDirectory(Path directory, Function<Path, Map<String, T>> reader) {
        Path single = directory.resolve("model.safetensors");
        Path index = directory.resolve("model.safetensors.index.json");
        if (Files.exists(single) || !Files.exists(index)) {
            return reader.apply(single);
        }
        JsonNode map = JsonFields.read(index).object("weight_map").json();
        Map<String, Map<String, T>> shards = new TreeMap<>();
        map.properties().forEach(entry -> shards.put(entry.getValue().asText(), Map.of()));
        for (String shard : shards.keySet()) {
            if (shard.contains("/") || shard.contains("..")) {
                throw new PolicyException(index + ": shard name '" + shard + "' leaves the directory");
            }
        }
        List<String> absent = shards.keySet().stream()
                .filter(shard -> !Files.exists(directory.resolve(shard)))
                .toList();
        if (!absent.isEmpty()) {
            throw new PolicyException(index + " names " + shards.size() + " shards, of which " + absent.size()
                    + (absent.size() == 1 ? " is" : " are") + " missing: " + String.join(", ", absent)
                    + linksToNowhere(directory, absent));
        }
        shards.replaceAll((shard, none) -> reader.apply(directory.resolve(shard)));
        for (Map.Entry<String, JsonNode> entry : map.properties()) {
            String shard = entry.getValue().asText();
            if (!shards.getOrDefault(shard, Map.of()).containsKey(entry.getKey())) {
                throw new PolicyException(index + ": tensor '" + entry.getKey() + "' is not in shard " + shard);
            }
        }
        Map<String, T> out = new LinkedHashMap<>();
        shards.forEach((shard, tensors) -> tensors.forEach((name, tensor) -> {
            if (!map.path(name).asText().equals(shard)) {
                throw new PolicyException(directory.resolve(shard) + ": tensor '" + name + "' is "
                        + (map.has(name) ? "in " + map.path(name).asText() : "nowhere") + " by " + index.getFileName());
            }
            out.put(name, tensor);
        }));
        return out;
    }

    /** The hub's snapshots are links into its store of blobs: a link without its blob is a download that was cut short. */
    private static String linksToNowhere(Path directory, List<String> absent) {
        return absent.stream().allMatch(shard -> Files.isSymbolicLink(directory.resolve(shard)))
                ? " (links to files that are not there: download the model again)"
                : "";
    }

    /**
     * All tensors of a file, F32, F16 or BF16. Mapped, not read.
     *
     * @param arena how long they can be read
     */
    static Map<String, HostTensor> read(Path file, Arena arena) {
        return opened(file, (channel, header) -> {
            MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, header.data(), header.bytes(), arena);
            Map<String, HostTensor> out = new LinkedHashMap<>();
            header.entries().forEach((name, entry) -> {
                HostTensor.Type type = Arrays.stream(HostTensor.Type.values())
                        .filter(t -> t.name().equals(entry.dtype()))
                        .findAny()
                        .orElseThrow(() -> new PolicyException(file + ": tensor '" + name + "' has dtype "
                                + entry.dtype() + " (expected F32, BF16 or F16)"));
                out.put(
                        name,
                        new HostTensor(
                                entry.shape(), type, mapped.asSlice(entry.from(), entry.to() - entry.from()), false));
            });
            return out;
        });
    }

    private static Map<String, Stored> storedIn(Path file) {
        return opened(file, (channel, header) -> {
            Map<String, Stored> out = new LinkedHashMap<>();
            header.entries().forEach((name, entry) -> out.put(name, new Stored(entry.dtype(), entry.shape())));
            return out;
        });
    }

    /** What is done with a file whose header was read and checked. */
    private interface Use<T> {
        T of(FileChannel channel, Header header) throws IOException;
    }

    /**
     * The header of a file.
     *
     * @param data where the tensors begin in the file
     * @param bytes of all tensors
     */
    private record Header(Map<String, Entry> entries, long data, long bytes) {}

    private static <T> T opened(Path file, Use<T> use) {
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
            return use.of(channel, new Header(entries, data, size - data));
        } catch (NoSuchFileException e) {
            throw new PolicyException(
                    file + " is missing"
                            + (Files.isSymbolicLink(file)
                                    ? " (a link to a file that is not there: download the model again)"
                                    : ""),
                    e);
        } catch (IOException e) {
            throw new PolicyException(file + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Where a tensor lies.
     *
     * @param from first byte, counted from the end of the header
     * @param to byte behind the last
     */
    private record Entry(long[] shape, String dtype, long from, long to) {
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
            String dtype = json.path("dtype").asText();
            Integer width = WIDTHS.get(dtype);
            if (width == null) {
                throw new PolicyException(what + " has dtype " + dtype + " (expected F32, BF16 or F16)");
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
            long needed = width;
            for (long s : shape) {
                // Beyond what a file can have, larger products say nothing more and would run over.
                needed = s == 0 ? 0 : needed > MOST_BYTES / s ? MOST_BYTES + 1 : needed * s;
            }
            if (needed > MOST_BYTES) {
                throw new PolicyException(what + " has shape " + Arrays.toString(shape) + " (expected at most "
                        + MOST_BYTES + " bytes in one tensor)");
            }
            if (from < 0 || to < from || to - from != needed) {
                throw new PolicyException(what + " " + Arrays.toString(shape) + " " + dtype + " has data_offsets "
                        + offsets + " (expected " + needed + " bytes)");
            }
            if (to > bytes) {
                throw new PolicyException(file + ": truncated: tensor '" + name + "' " + Arrays.toString(shape) + " "
                        + dtype + " needs bytes " + from + " to " + to + " behind the header, the file has " + bytes);
            }
            return new Entry(shape, dtype, from, to);
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

    /** A file with these tensors as float32, in the order of their names; of mapped ones no more than one stays in memory. */
    static FileContent content(Map<String, ? extends WeightTensor> tensors) {
        ObjectNode header = new ObjectMapper().createObjectNode();
        header.putObject("__metadata__").put("format", "pt");
        long offset = 0;
        TreeMap<String, WeightTensor> sorted = new TreeMap<>(tensors);
        for (Map.Entry<String, WeightTensor> e : sorted.entrySet()) {
            ObjectNode node = header.putObject(e.getKey());
            node.put("dtype", "F32");
            ArrayNode shape = node.putArray("shape");
            for (long s : e.getValue().shape()) {
                shape.add(s);
            }
            long end = offset + Float.BYTES * e.getValue().count();
            node.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        StringBuilder text = new StringBuilder(header.toString());
        while ((8 + text.length()) % 8 != 0) {
            text.append(' ');
        }
        byte[] head = text.toString().getBytes(StandardCharsets.UTF_8);
        byte[] begin = ByteBuffer.allocate(8 + head.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(head.length)
                .put(head)
                .array();
        return sink -> {
            FileContent.of(begin).writeTo(sink);
            for (WeightTensor tensor : sorted.values()) {
                tensor.writeTo(sink);
            }
        };
    }
}
