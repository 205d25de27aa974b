package io.foothold.policy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a file is to hold, handed over in pieces, so that it is never in the heap as a whole. May be asked for more than once. */
@FunctionalInterface
public interface FileContent {
    /** Bytes of a piece: what was hashed is still in the cache when it is written. */
    int PIECE = 1 << 18;

    /** Takes pieces, in order. */
    @FunctionalInterface
    interface Sink {
        /** Takes some bytes of an array, which the caller uses again afterwards. */
        void write(byte[] bytes, int from, int length) throws IOException;
    }

    /** Hands all bytes over. */
    void writeTo(Sink sink) throws IOException;

    /** These bytes. */
    static FileContent of(byte[] bytes) {
        return sink -> {
            for (int at = 0; at < bytes.length; at += PIECE) {
                sink.write(bytes, at, Math.min(PIECE, bytes.length - at));
            }
        };
    }

    /** The bytes that a file has when they are asked for. */
    static FileContent of(Path file) {
        return sink -> {
            byte[] piece = new byte[PIECE];
            try (InputStream in = Files.newInputStream(file)) {
                for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
                    sink.write(piece, 0, n);
                }
            }
        };
    }
}
