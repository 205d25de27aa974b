package io.foothold.policy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes a TorchScript archive with nothing but the JDK: a zip of stored entries with a protocol-2 pickle of the module object
 * and the source text. Equal input gives equal bytes.
 */
final class TorchScriptArchive {
    private final ByteArrayOutputStream pickle = new ByteArrayOutputStream();
    private final List<byte[]> storages = new ArrayList<>();

    private TorchScriptArchive() {}

    /**
     * The archive of a module of class {@code __torch__.className}.
     *
     * @param attributes in declaration order: Boolean, Integer, Double or float[] (a one-dimensional float32 tensor)
     */
    static byte[] write(String className, Map<String, Object> attributes, String source) {
        TorchScriptArchive archive = new TorchScriptArchive();
        archive.put(0x80, 2);
        archive.object(className, attributes);
        archive.put('.');
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(out)) {
            entry(zip, "policy/data.pkl", archive.pickle.toByteArray());
            for (int i = 0; i < archive.storages.size(); i++) {
                entry(zip, "policy/data/" + i, archive.storages.get(i));
            }
            entry(zip, "policy/code/__torch__.py", source.getBytes(StandardCharsets.UTF_8));
            entry(zip, "policy/constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
            entry(zip, "policy/version", "3\n".getBytes(StandardCharsets.US_ASCII));
            entry(zip, "policy/byteorder", "little".getBytes(StandardCharsets.US_ASCII));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private static void entry(ZipOutputStream zip, String name, byte[] data) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(data.length);
        entry.setCompressedSize(data.length);
        entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0));
        CRC32 crc = new CRC32();
        crc.update(data);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(data);
        zip.closeEntry();
    }

    private void object(String className, Map<String, Object> attributes) {
        global("__torch__", className);
        put(')', 0x81, '}', '(');
        attributes.forEach((name, value) -> {
            string(name);
            value(value);
        });
        put('u', 'b');
    }

    private void value(Object value) {
        switch (value) {
            case Boolean b -> put(b ? 0x88 : 0x89);
            case Integer i -> integer(i);
            case Double d -> {
                put('G');
                pickle.writeBytes(ByteBuffer.allocate(8).putDouble(d).array());
            }
            case String s -> string(s);
            case float[] f -> tensor(f);
            default -> throw new IllegalArgumentException("cannot pickle a " + value.getClass());
        }
    }

    private void tensor(float[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        global("torch._utils", "_rebuild_tensor_v2");
        put('(', '(');
        string("storage");
        global("torch", "FloatStorage");
        string(Integer.toString(storages.size()));
        string("cpu");
        integer(values.length);
        put('t', 'Q');
        integer(0);
        put('(');
        integer(values.length);
        put('t', '(');
        integer(1);
        put('t', 0x89);
        global("collections", "OrderedDict");
        put(')', 'R', 't', 'R');
        storages.add(bytes.array());
    }

    private void integer(int value) {
        put('J');
        littleEndian(value);
    }

    private void string(String value) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        put('X');
        littleEndian(bytes.length);
        pickle.writeBytes(bytes);
    }

    private void global(String module, String name) {
        put('c');
        pickle.writeBytes((module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    private void littleEndian(int value) {
        put(value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24 & 255);
    }

    private void put(int... bytes) {
        for (int b : bytes) {
            pickle.write(b);
        }
    }
}
