package io.foothold.orchestrator.run;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.tensorboard.Event;
import io.foothold.tensorboard.Summary;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.InstantSource;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Scalars as a TensorBoard event file: records of (length, masked CRC-32C of the length, data, masked CRC-32C of the data),
 * data being an {@code Event} message with the wall time, the step and a {@code Summary}.
 */
final class TensorBoardFile {
    private static final String VERSION = "brain.Event:2";

    private final Path file;
    private final InstantSource clock;

    TensorBoardFile(Path directory, InstantSource clock) {
        this.clock = clock;
        this.file = directory.resolve("events.out.tfevents." + clock.millis() / 1000 + ".foothold");
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            throw failure(e);
        }
        if (!Files.exists(file)) {
            append(event(0).setFileVersion(VERSION).build());
        }
    }

    synchronized void write(long step, Map<String, Double> values) {
        Summary.Builder summary = Summary.newBuilder();
        values.forEach((name, value) ->
                summary.addValue(Summary.Value.newBuilder().setTag(name).setSimpleValue(value.floatValue())));
        append(event(step).setSummary(summary).build());
    }

    private Event.Builder event(long step) {
        return Event.newBuilder().setWallTime(clock.millis() / 1000.0).setStep(step);
    }

    private void append(Event event) {
        byte[] data = event.toByteArray();
        byte[] length = little(8).putLong(data.length).array();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(length);
        out.writeBytes(little(4).putInt(masked(length)).array());
        out.writeBytes(data);
        out.writeBytes(little(4).putInt(masked(data)).array());
        try {
            Files.write(file, out.toByteArray(), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw failure(e);
        }
    }

    private FootholdException failure(IOException e) {
        return new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
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
