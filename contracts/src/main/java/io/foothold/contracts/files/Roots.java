package io.foothold.contracts.files;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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

    /** As many as Linux follows in one path. */
    private static final int MOST_LINKS = 40;
    /** Levels of a directory whose files are read: models have sub-directories of one level. */
    private static final int LEVELS = 3;

    private static final int MOST_ENTRIES = 10_000;

    private final List<Path> roots;
    private final Optional<StoreUri> store;

    private Roots(List<Path> roots, Optional<StoreUri> store) {
        this.roots = roots;
        this.store = store;
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
        return new Roots(List.copyOf(out), Optional.empty());
    }

    /** The same, and what lies below a prefix of an object store. */
    public Roots with(Optional<StoreUri> prefix) {
        return new Roots(roots, prefix);
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
     * Resolves a {@code file:} or {@code s3:} URI of a request.
     *
     * @throws FootholdException INVALID_INPUT when it is neither, its path lies outside the roots, or its key outside the object store's
     *     prefix
     */
    public Location locate(String what, String uri) {
        if (StoreUri.meant(uri)) {
            return stored(what, uri);
        }
        String path;
        try {
            URI parsed = URI.create(uri);
            if (!"file".equals(parsed.getScheme()) || parsed.getPath() == null) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        what + ": expected file:///PATH or s3://BUCKET/KEY, got '" + uri + "'");
            }
            path = parsed.getPath();
        } catch (IllegalArgumentException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, what + ": no URI: '" + uri + "'", e);
        }
        return new Location.LocalFile(resolve(what, path));
    }

    private StoreUri stored(String what, String uri) {
        StoreUri given = StoreUri.parse(what, uri);
        StoreUri prefix = store.orElseThrow(() -> new FootholdException(
                ErrorCode.INVALID_INPUT,
                what + " '" + uri + "' lies in an object store, and this service was given none (" + StoreConfig.URI
                        + ")"));
        if (!prefix.contains(given)) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT,
                    what + " '" + uri + "' lies outside what this service may fetch: " + prefix + " (" + StoreConfig.URI
                            + ")");
        }
        return given;
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
     * A directory below the roots whose links lead to what lies below them too.
     *
     * @throws FootholdException INVALID_INPUT as {@link #resolve}, or when it is something else or has a link that leads out;
     *     NOT_FOUND when it does not exist
     */
    public Path directory(String what, String given) {
        Path directory = resolve(what, given);
        if (!Files.exists(directory)) {
            throw new FootholdException(ErrorCode.NOT_FOUND, what + " " + given + " does not exist");
        }
        if (!Files.isDirectory(directory)) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, what + " " + given + " is no directory");
        }
        for (Path link : links(directory)) {
            if (!below(real(link))) {
                throw outside(what + " " + given + ": the target of the link", link.toString());
            }
        }
        return directory;
    }

    /**
     * The links in a directory of files, at most three levels deep.
     *
     * @throws FootholdException INVALID_INPUT when it cannot be listed or has more than 10,000 entries
     */
    public static List<Path> links(Path directory) {
        try (Stream<Path> all = Files.walk(directory, LEVELS)) {
            List<Path> entries = all.limit(MOST_ENTRIES + 1).toList();
            if (entries.size() > MOST_ENTRIES) {
                throw new FootholdException(
                        ErrorCode.INVALID_INPUT,
                        "directory " + directory + " has more than " + MOST_ENTRIES
                                + " entries (expected a few files)");
            }
            return entries.stream().filter(Files::isSymbolicLink).toList();
        } catch (IOException | UncheckedIOException e) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "directory " + directory + " cannot be listed", e);
        }
    }

    /** Where a path leads, every link followed; it need not exist. */
    public static Path target(Path path) {
        return real(path.toAbsolutePath());
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

    /** The path with its links resolved, also those of which nothing is at the end. */
    private static Path real(Path absolute) {
        try {
            return absolute.toRealPath();
        } catch (IOException e) {
            // It does not exist, is a loop of links, or lies where we may not enter.
            return followed(absolute);
        }
    }

    private static Path parent(Path path) {
        return Objects.requireNonNullElse(path.getParent(), path);
    }

    /** Name by name, as the system follows a path: what comes behind a link counts from where that leads. */
    private static Path followed(Path absolute) {
        Path top = Objects.requireNonNullElse(absolute.getRoot(), absolute);
        Path at = top;
        Deque<Path> left = new ArrayDeque<>();
        absolute.forEach(left::add);
        int links = 0;
        while (!left.isEmpty()) {
            Path name = left.pop();
            if (name.toString().equals("..")) {
                at = parent(at);
                continue;
            }
            at = at.resolve(name).normalize();
            if (!Files.isSymbolicLink(at)) {
                continue;
            }
            if (++links > MOST_LINKS) {
                // Below no root, unless everything is.
                return top;
            }
            try {
                Path target = Files.readSymbolicLink(at);
                at = target.isAbsolute() ? top : parent(at);
                List<Path> names = new ArrayList<>();
                target.forEach(names::add);
                names.reversed().forEach(left::push);
            } catch (IOException e) {
                return at;
            }
        }
        return at;
    }
}
