package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Scalars as a TensorBoard event file: records of (length, masked CRC-32C of the length, data, masked CRC-32C of the data),
 * data being an {@code Event} message with the wall time, the step and a {@code Summary}.
 */
final class TensorBoardFile {
    private final Path file;

    TensorBoardFile(Path directory) {
        long now = System.currentTimeMillis();
        this.file = directory.resolve("events.out.tfevents." + now / 1000 + ".foothold");
        try {
            Files.createDirectories(directory);
            if (!Files.exists(file)) {
                append(event(now, 0, message(3, "brain.Event:2".getBytes(StandardCharsets.UTF_8))));
            }
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    synchronized void write(long step, Map<String, Double> values) {
        ByteArrayOutputStream summary = new ByteArrayOutputStream();
        values.forEach((name, value) -> {
            ByteArrayOutputStream entry = new ByteArrayOutputStream();
            entry.writeBytes(message(1, name.getBytes(StandardCharsets.UTF_8)));
            entry.write(2 << 3 | 5);
            entry.writeBytes(little(4).putFloat(value.floatValue()).array());
            summary.writeBytes(message(1, entry.toByteArray()));
        });
        try {
            append(event(System.currentTimeMillis(), step, message(5, summary.toByteArray())));
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    private static byte[] event(long millis, long step, byte[] what) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(1 << 3 | 1);
        out.writeBytes(little(8).putDouble(millis / 1000.0).array());
        out.write(2 << 3);
        varint(out, step);
        out.writeBytes(what);
        return out.toByteArray();
    }

    private static byte[] message(int field, byte[] body) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(field << 3 | 2);
        varint(out, body.length);
        out.writeBytes(body);
        return out.toByteArray();
    }

    private static void varint(ByteArrayOutputStream out, long value) {
        long v = value;
        while ((v & ~0x7FL) != 0) {
            out.write((int) (v & 0x7F | 0x80));
            v >>>= 7;
        }
        out.write((int) v);
    }

    private void append(byte[] data) throws IOException {
        byte[] length = little(8).putLong(data.length).array();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(length);
        out.writeBytes(little(4).putInt(masked(length)).array());
        out.writeBytes(data);
        out.writeBytes(little(4).putInt(masked(data)).array());
        Files.write(file, out.toByteArray(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int masked(byte[] data) {
        CRC32C crc = new CRC32C();
        crc.update(data);
        int value = (int) crc.getValue();
        return (value >>> 15 | value << 17) + 0xa282ead8;
    }
}
