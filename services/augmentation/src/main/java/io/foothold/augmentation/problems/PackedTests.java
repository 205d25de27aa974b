package io.foothold.augmentation.problems;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.zip.InflaterInputStream;

/**
 * The private tests of LiveCodeBench: base64 of a zlib stream of a Python pickle of one string. Only the opcodes of a pickled string
 * are read, so nothing in a file can make anything happen.
 */
final class PackedTests {
    private static final int LARGEST = 512 << 20;

    private PackedTests() {}

    /** The string. */
    static String unpack(String packed) {
        byte[] pickle;
        try (InputStream in = new InflaterInputStream(
                new ByteArrayInputStream(Base64.getMimeDecoder().decode(packed.strip())))) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            byte[] block = new byte[1 << 16];
            for (int n = in.read(block); n >= 0; n = in.read(block)) {
                out.write(block, 0, n);
                if (out.size() > LARGEST) {
                    throw wrong("they are larger than " + LARGEST + " bytes");
                }
            }
            pickle = out.toByteArray();
        } catch (IOException | IllegalArgumentException e) {
            throw wrong("no base64 of a zlib stream: " + e.getMessage());
        }
        ByteBuffer in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
        String text = null;
        try {
            while (in.hasRemaining()) {
                int opcode = in.get() & 0xFF;
                switch (opcode) {
                    case 0x80 -> in.get(); // PROTO
                    case 0x95 -> in.getLong(); // FRAME
                    case 0x94 -> {} // MEMOIZE
                    case 'q' -> in.get(); // BINPUT
                    case 'r' -> in.getInt(); // LONG_BINPUT
                    case 0x8C -> text = string(in, in.get() & 0xFF); // SHORT_BINUNICODE
                    case 'X' -> text = string(in, in.getInt()); // BINUNICODE
                    case 0x8D -> text = string(in, Math.toIntExact(in.getLong())); // BINUNICODE8
                    case '.' -> {
                        if (text == null) {
                            throw wrong("the pickle holds no string");
                        }
                        return text;
                    }
                    default -> throw wrong("the pickle holds something else than a string (opcode " + opcode + ")");
                }
            }
        } catch (java.nio.BufferUnderflowException | ArithmeticException | NegativeArraySizeException e) {
            throw wrong("the pickle is cut off");
        }
        throw wrong("the pickle does not end");
    }

    private static String string(ByteBuffer in, int length) {
        if (length < 0 || length > in.remaining()) {
            throw wrong("the pickle is cut off");
        }
        byte[] bytes = new byte[length];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static FootholdException wrong(String what) {
        return new FootholdException(ErrorCode.INVALID_DATA, "private_test_cases cannot be unpacked: " + what);
    }
}
