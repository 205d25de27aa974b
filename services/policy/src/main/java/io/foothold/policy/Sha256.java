package io.foothold.policy;

import java.io.IOException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 in hexadecimal. */
public final class Sha256 {
    private Sha256() {}

    /** Of some bytes. */
    public static String of(byte[] bytes) {
        return text(update(start(), bytes));
    }

    /** Of a file. */
    public static String of(Path file) throws IOException {
        return of(FileContent.of(file));
    }

    /** Of what a file is to hold. */
    public static String of(FileContent content) throws IOException {
        MessageDigest digest = start();
        content.writeTo(digest::update);
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
