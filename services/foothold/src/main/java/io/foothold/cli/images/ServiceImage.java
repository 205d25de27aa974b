package io.foothold.cli.images;

import com.google.cloud.tools.jib.api.buildplan.AbsoluteUnixPath;
import com.google.cloud.tools.jib.api.buildplan.FileEntriesLayer;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * What is in a service's image: its application at {@code /app}, and policies at {@code /opt/foothold/policies}.
 *
 * @param service its name
 * @param application the directory that Quarkus packaged, with {@code quarkus-run.jar}
 * @param policies directories of policies to put in, by their own names
 */
public record ServiceImage(String service, Path application, List<Path> policies) {
    /** Where policies lie in it. */
    public static final String POLICIES = "/opt/foothold/policies";

    private static final String APP = "/app";
    /** Larger files are the native libraries, the same in several services: as a layer of their own they are stored once. */
    private static final long LARGE = 8L << 20;

    /** Checks that the service was packaged. */
    public ServiceImage {
        policies = List.copyOf(policies);
        if (!Files.isRegularFile(application.resolve("quarkus-run.jar"))) {
            throw new FootholdException(
                    ErrorCode.NOT_FOUND,
                    "no application of " + service + " at " + application + ": build it with ./foothold build");
        }
    }

    /** How it is started; {@code java} is the base's. */
    List<String> entrypoint() {
        return List.of(
                "java",
                "-XX:+UseSerialGC",
                // What the container's limit leaves beside the heap is for native tensors, class data and threads.
                "-XX:MaxRAMPercentage=40",
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-jar",
                APP + "/quarkus-run.jar");
    }

    /** Layers, those that change least first. */
    List<FileEntriesLayer> layers() throws IOException {
        FileEntriesLayer.Builder natives = FileEntriesLayer.builder().setName("natives");
        FileEntriesLayer.Builder libraries = FileEntriesLayer.builder().setName("libraries");
        FileEntriesLayer.Builder own = FileEntriesLayer.builder().setName("application");
        FileEntriesLayer.Builder data = FileEntriesLayer.builder().setName("policies");
        for (Path file : files(application)) {
            FileEntriesLayer.Builder layer = !library(file) ? own : Files.size(file) < LARGE ? libraries : natives;
            layer.addEntry(file, AbsoluteUnixPath.get(APP + "/" + application.relativize(file)));
        }
        for (Path policy : policies) {
            for (Path file : files(policy)) {
                data.addEntry(
                        file,
                        AbsoluteUnixPath.get(POLICIES + "/" + policy.getFileName() + "/" + policy.relativize(file)));
            }
        }
        return Stream.of(natives, libraries, own, data)
                .map(FileEntriesLayer.Builder::build)
                .filter(layer -> !layer.getEntries().isEmpty())
                .toList();
    }

    private boolean library(Path file) {
        return application.relativize(file).startsWith("lib")
                && !file.toString().contains("/io.foothold.");
    }

    private static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            return all.filter(Files::isRegularFile).sorted().toList();
        }
    }
}
