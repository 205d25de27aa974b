package io.foothold.cli.machine;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Where things lie: the checkout that the launcher runs from, and the files it ships. */
public final class Workspace {
    private Workspace() {}

    /** The root of the checkout, as the launcher says. */
    public static Path root() {
        return Path.of(System.getProperty("foothold.root", "."));
    }

    /** Where the shipped base policies lie. */
    public static Path policies() {
        return root().resolve("services/foothold/policies");
    }

    /** The shipped base policy of the dial. */
    public static Path dialPolicy() {
        return policy("dial");
    }

    /** A shipped base policy. */
    public static Path policy(String name) {
        return policies().resolve(name).toAbsolutePath().normalize();
    }

    /** The torch worker of the learner. */
    public static Path torchPackage() {
        return root().resolve("services/learner/torch").toAbsolutePath().normalize();
    }

    /** A service's application. */
    public static Path application(String service) {
        return root().resolve("services").resolve(service).resolve("target/quarkus-app/quarkus-run.jar");
    }

    public static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (java.nio.file.NoSuchFileException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, file + " does not exist", e);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, file + " cannot be read: " + e.getMessage(), e);
        }
    }

    public static void write(Path file, String text) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot write " + file + ": " + e.getMessage(), e);
        }
    }
}
