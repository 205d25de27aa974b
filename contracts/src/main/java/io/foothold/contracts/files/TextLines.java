package io.foothold.contracts.files;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Text files of others, read strictly: UTF-8 with or without its byte order mark, regular files only, within bounds. What is wrong is
 * named by file, line and byte of the line, never by what stands there. Every method blocks on the file system; it ends with
 * CANCELLED when its thread is interrupted.
 */
public final class TextLines {
    /** Bytes of the largest file. */
    public static final long LARGEST_FILE = 2L << 30;

    private static final int BLOCK = 1 << 16;

    private TextLines() {}

    /** Told of every line. */
    @FunctionalInterface
    public interface Sink {
        /**
         * A line.
         *
         * @param number from 1
         * @param text without its end
         */
        void line(int number, String text);
    }

    /**
     * Reads all lines; they end with a line feed, a carriage return, or both.
     *
     * @param what names the file in messages, such as "problem file"
     * @param longest most bytes of a line
     * @throws FootholdException NOT_FOUND without such a file, INVALID_INPUT when it is no regular file or too large, INVALID_DATA
     *     with file and line for what cannot be read
     */
    public static void read(String what, Path file, int longest, Sink sink) {
        try (InputStream in = open(what, file)) {
            new Splitter(file, longest, sink).all(in);
        } catch (NoSuchFileException e) {
            throw new FootholdException(ErrorCode.NOT_FOUND, what + " " + file + " does not exist", e);
        } catch (IOException e) {
            throw unreadable(what, file, e);
        }
    }

    /**
     * The whole text of a file, without its byte order mark.
     *
     * @param most bytes that it may have
     * @throws FootholdException as {@link #read}
     */
    public static String text(String what, Path file, int most) {
        StringBuilder out = new StringBuilder();
        try (InputStream in = open(what, file)) {
            byte[] bytes = in.readNBytes(most + 1);
            if (bytes.length > most) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, file + " is larger than the " + most + " bytes that it may have");
            }
            int line = 1;
            int from = mark(file, bytes);
            for (int i = from; i < bytes.length; i++) {
                if (bytes[i] == '\n') {
                    out.append(decoded(file, line++, bytes, from, i + 1));
                    from = i + 1;
                }
            }
            return out.append(decoded(file, line, bytes, from, bytes.length)).toString();
        } catch (NoSuchFileException e) {
            throw new FootholdException(ErrorCode.NOT_FOUND, what + " " + file + " does not exist", e);
        } catch (IOException e) {
            throw unreadable(what, file, e);
        }
    }

    /** A pipe or a device could be read for ever, so that nothing but a regular file is opened. */
    private static InputStream open(String what, Path file) throws IOException {
        Path real = file.toRealPath();
        if (!Files.isRegularFile(real, LinkOption.NOFOLLOW_LINKS)) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, what + " " + file + " is no regular file");
        }
        long size = Files.size(real);
        if (size > LARGEST_FILE) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    what + " " + file + " has " + size + " bytes, more than the " + LARGEST_FILE + " that it may have");
        }
        return Files.newInputStream(real, LinkOption.NOFOLLOW_LINKS);
    }

    private static FootholdException unreadable(String what, Path file, IOException e) {
        if (Thread.currentThread().isInterrupted()) {
            return new FootholdException(ErrorCode.CANCELLED, "reading " + file + " was given up", e);
        }
        return new FootholdException(
                ErrorCode.INVALID_DATA,
                what + " " + file + " cannot be read: " + e.getClass().getSimpleName(),
                e);
    }

    /** Bytes of the byte order mark of UTF-8; those of other encodings are refused. */
    private static int mark(Path file, byte[] start) {
        if (start.length >= 3 && start[0] == (byte) 0xEF && start[1] == (byte) 0xBB && start[2] == (byte) 0xBF) {
            return 3;
        }
        if (start.length >= 2
                && (start[0] == (byte) 0xFF && start[1] == (byte) 0xFE
                        || start[0] == (byte) 0xFE && start[1] == (byte) 0xFF)) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA, file + ":1: the file is UTF-16 by its byte order mark, expected UTF-8");
        }
        return 0;
    }

    private static String decoded(Path file, int line, byte[] bytes, int from, int to) {
        CharsetDecoder decoder = StandardCharsets.UTF_8
                .newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes, from, to - from);
        CharBuffer out = CharBuffer.allocate(to - from);
        CoderResult result = decoder.decode(in, out, true);
        if (!result.isUnderflow()) {
            throw new FootholdException(
                    ErrorCode.INVALID_DATA,
                    file + ":" + line + ": byte " + (in.position() - from + 1) + " of the line is not UTF-8");
        }
        return out.flip().toString();
    }

    /** Cuts bytes into lines. */
    private static final class Splitter {
        private final Path file;
        private final int longest;
        private final Sink sink;
        private final ByteArrayOutputStream line = new ByteArrayOutputStream();
        private int number = 1;
        private boolean afterReturn;
        private boolean first = true;

        Splitter(Path file, int longest, Sink sink) {
            this.file = file;
            this.longest = longest;
            this.sink = sink;
        }

        void all(InputStream in) throws IOException {
            byte[] block = new byte[BLOCK];
            for (int n = in.readNBytes(block, 0, BLOCK); n > 0; n = in.readNBytes(block, 0, BLOCK)) {
                if (Thread.currentThread().isInterrupted()) {
                    throw new IOException("interrupted");
                }
                int from = first ? mark(file, n < 3 ? Arrays.copyOf(block, n) : block) : 0;
                first = false;
                for (int i = from; i < n; i++) {
                    byte b = block[i];
                    if (b == '\n' && afterReturn) {
                        from = i + 1;
                        afterReturn = false;
                    } else if (b == '\n' || b == '\r') {
                        add(block, from, i);
                        end();
                        from = i + 1;
                        afterReturn = b == '\r';
                    } else {
                        afterReturn = false;
                    }
                }
                add(block, from, n);
            }
            if (line.size() > 0) {
                end();
            }
        }

        private void add(byte[] block, int from, int to) {
            if (line.size() + (to - from) > longest) {
                throw new FootholdException(
                        ErrorCode.INVALID_DATA,
                        file + ":" + number + ": the line has more than the " + longest + " bytes that it may have");
            }
            line.write(block, from, to - from);
        }

        private void end() {
            byte[] bytes = line.toByteArray();
            sink.line(number, decoded(file, number, bytes, 0, bytes.length));
            line.reset();
            number++;
        }
    }
}
