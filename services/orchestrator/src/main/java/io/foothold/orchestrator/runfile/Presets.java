package io.foothold.orchestrator.runfile;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The presets that run files start from: every YAML file of the folder {@code presets} on the class path, by its name. The folder is
 * listed where it lies: in a directory, in a jar, or among the resources of a native executable. Thread-safe.
 */
final class Presets {
    private static final String FOLDER = "presets";
    private static final String SUFFIX = ".yaml";

    /** Those of the program. */
    static final Presets SHIPPED = new Presets(Presets.class.getClassLoader());

    private final ClassLoader loader;
    private final List<String> names;

    /**
     * Those that a class path has.
     *
     * @param loader of the class path
     */
    Presets(ClassLoader loader) {
        this.loader = loader;
        Set<String> found = new TreeSet<>();
        try {
            for (URL folder : Collections.list(loader.getResources(FOLDER))) {
                list(folder, found);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        this.names = List.copyOf(found);
    }

    /** Their names, in alphabetical order. */
    List<String> names() {
        return names;
    }

    /**
     * The text of one.
     *
     * @param name one of {@link #names}
     */
    String text(String name) {
        try (InputStream in = loader.getResourceAsStream(FOLDER + "/" + name + SUFFIX)) {
            if (in == null) {
                throw new IllegalArgumentException("no preset '" + name + "'");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void list(URL folder, Set<String> into) throws IOException {
        String url = folder.toString();
        switch (folder.getProtocol()) {
            case "jar" -> {
                // Opened by its path and not by the URL: a file system of a URL is shared by the whole process.
                Path jar = Path.of(URI.create(url.substring("jar:".length(), url.lastIndexOf("!/"))));
                try (FileSystem inside = FileSystems.newFileSystem(jar)) {
                    files(inside.getPath(FOLDER), into);
                }
            }
            case "resource" -> {
                try (FileSystem executable = FileSystems.newFileSystem(URI.create("resource:/"), Map.of())) {
                    files(executable.getPath("/" + FOLDER), into);
                }
            }
            default -> files(Path.of(URI.create(url)), into);
        }
    }

    private static void files(Path folder, Set<String> into) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            files.map(file -> file.getFileName().toString())
                    .filter(file -> file.endsWith(SUFFIX))
                    .map(file -> file.substring(0, file.length() - SUFFIX.length()))
                    .forEach(into::add);
        }
    }
}
