package io.foothold.contracts.files;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The directories below which paths of requests may point. Whoever calls a service may name files; without this he could have any
 * file of the machine opened. A path that leaves the roots is refused in the same words whether something lies there or not, and
 * links are followed before it is judged. Messages name the path that was given and never what a file holds.
 *
 * <p>Immutable and thread-safe. Every method touches the file system, so none belongs on an I/O thread.
 */
public final class Roots {
    /** The configuration key: a list of directories or files with commas between them. */
    public static final String KEY = "foothold.files.roots";

    private final List<Path> roots;

    private Roots(List<Path> roots) {
        this.roots = roots;
    }

    /**
     * Roots at these directories (or single files), each as it is given and as its links resolve.
     *
     * @param given absolute, or relative to the working directory; what does not exist yet stays as it is
     */
    public static Roots of(List<Path> given) {
        Set<Path> out = new LinkedHashSet<>();
        for (Path root : given) {
            Path absolute = root.toAbsolutePath().normalize();
            out.add(absolute);
            out.add(real(absolute));
        }
        return new Roots(List.copyOf(out));
    }

    /**
     * Resolves a path of a request.
     *
     * @param what names the path in messages, such as "problem file"
     * @param given absolute, or relative to the service's working directory
     * @return the path with every link resolved; it need not exist
     * @throws FootholdException INVALID_INPUT when it is no path or lies, links followed, outside the roots
     */
    public Path resolve(String what, String given) {
        Path absolute;
        try {
            absolute = Path.of(given).toAbsolutePath().normalize();
        } catch (InvalidPathException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, what + ": no path: " + e.getReason(), e);
        }
        if (given.isEmpty() || !below(absolute)) {
            throw outside(what, given);
        }
        Path real = real(absolute);
        if (!below(real)) {
            throw outside(what, given);
        }
        return real;
    }

    /**
     * Resolves a {@code file:} URI of a request.
     *
     * @throws FootholdException INVALID_INPUT when it is none or its path lies outside the roots
     */
    public Path resolveUri(String what, String uri) {
        String path;
        try {
            URI parsed = URI.create(uri);
            if (!"file".equals(parsed.getScheme()) || parsed.getPath() == null) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT, what + ": expected file:///PATH, got '" + uri + "'");
            }
            path = parsed.getPath();
        } catch (IllegalArgumentException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, what + ": no URI: '" + uri + "'", e);
        }
        return resolve(what, path);
    }

    /**
     * A regular file below the roots: no directory, pipe or device, which could be read for ever.
     *
     * @throws FootholdException INVALID_INPUT as {@link #resolve}, or when it is something else; NOT_FOUND when it does not exist
     */
    public Path regularFile(String what, String given) {
        Path file = resolve(what, given);
        if (!Files.exists(file)) {
            throw new FootholdException(ErrorCode.NOT_FOUND, what + " " + given + " does not exist");
        }
        if (!Files.isRegularFile(file)) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, what + " " + given + " is no regular file");
        }
        return file;
    }

    /**
     * A directory below the roots.
     *
     * @throws FootholdException INVALID_INPUT as {@link #resolve}, or when it is something else; NOT_FOUND when it does not exist
     */
    public Path directory(String what, String given) {
        Path directory = resolve(what, given);
        if (!Files.exists(directory)) {
            throw new FootholdException(ErrorCode.NOT_FOUND, what + " " + given + " does not exist");
        }
        if (!Files.isDirectory(directory)) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, what + " " + given + " is no directory");
        }
        return directory;
    }

    /** The directories, as they are configured and resolved. */
    public List<Path> all() {
        return roots;
    }

    private boolean below(Path path) {
        return roots.stream().anyMatch(path::startsWith);
    }

    private FootholdException outside(String what, String given) {
        return new FootholdException(
                ErrorCode.INVALID_INPUT,
                what + " '" + given + "' lies outside the directories that this service may read: "
                        + roots.stream().map(Path::toString).collect(Collectors.joining(", ")) + " (" + KEY + ")");
    }

    /** The path with its links resolved; of what does not exist, the part that does. */
    private static Path real(Path absolute) {
        try {
            return absolute.toRealPath();
        } catch (NoSuchFileException | NotDirectoryException e) {
            return unresolved(absolute);
        } catch (IOException e) {
            // A loop of links, or a directory that we may not enter: nothing there can be read either way.
            return unresolved(absolute);
        }
    }

    private static Path unresolved(Path absolute) {
        Path parent = absolute.getParent();
        Path name = absolute.getFileName();
        if (parent == null || name == null) {
            return absolute;
        }
        if (Files.isSymbolicLink(absolute)) {
            // A link into nowhere: where it points decides.
            try {
                return real(parent).resolve(Files.readSymbolicLink(absolute)).normalize();
            } catch (IOException e) {
                return absolute;
            }
        }
        return real(parent).resolve(name);
    }
}
