package io.foothold.policy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 in hexadecimal. */
public final class Sha256 {
    /** Bytes that are hashed and written at a time: what was hashed is still in the cache when it is written. */
    static final int CHUNK = 1 << 18;

    private Sha256() {}

    /** Of some bytes. */
    public static String of(byte[] bytes) {
        return text(update(start(), bytes));
    }

    /** Of a file, read a piece at a time. */
    public static String of(Path file) throws IOException {
        MessageDigest digest = start();
        byte[] piece = new byte[CHUNK];
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
                digest.update(piece, 0, n);
            }
        }
        return text(digest);
    }

    static MessageDigest start() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("the JDK has no SHA-256", e);
        }
    }

    static String text(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest update(MessageDigest digest, byte[] bytes) {
        digest.update(bytes);
        return digest;
    }
}
