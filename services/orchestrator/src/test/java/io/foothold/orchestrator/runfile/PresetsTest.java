package io.foothold.orchestrator.runfile;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A preset is a file in a folder, wherever the folder is. */
class PresetsTest {
    @TempDir
    Path directory;

    private Path folder(String... files) throws IOException {
        Path presets = Files.createDirectories(directory.resolve("classes/presets"));
        for (String file : files) {
            Files.writeString(presets.resolve(file), "text of " + file);
        }
        return presets.getParent();
    }

    private Path jar(String... files) throws IOException {
        Path jar = directory.resolve("a jar.jar");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream zip = new JarOutputStream(out)) {
            zip.putNextEntry(new JarEntry("presets/"));
            for (String file : files) {
                zip.putNextEntry(new JarEntry("presets/" + file));
                zip.write(("text of " + file).getBytes(StandardCharsets.UTF_8));
            }
        }
        return jar;
    }

    private static URLClassLoader loader(Path... places) throws IOException {
        List<URL> urls = new ArrayList<>();
        for (Path place : places) {
            urls.add(place.toUri().toURL());
        }
        return new URLClassLoader(urls.toArray(URL[]::new), null);
    }

    @Test
    void theFilesOfADirectoryArePresets() throws IOException {
        try (URLClassLoader loader = loader(folder("own.yaml", "another.yaml", "README.md"))) {
            Presets presets = new Presets(loader);
            assertThat(presets.names()).containsExactly("another", "own");
            assertThat(presets.text("own")).isEqualTo("text of own.yaml");
        }
    }

    @Test
    void soAreThoseOfAJar() throws IOException {
        try (URLClassLoader loader = loader(jar("own.yaml", "notes.txt"))) {
            Presets presets = new Presets(loader);
            assertThat(presets.names()).containsExactly("own");
            assertThat(presets.text("own")).isEqualTo("text of own.yaml");
            assertThat(new Presets(loader).names())
                    .as("the jar can be listed again")
                    .containsExactly("own");
        }
    }

    @Test
    void severalPlacesOfAClassPathAreOneFolder() throws IOException {
        try (URLClassLoader loader = loader(folder("b.yaml", "a.yaml"), jar("c.yaml", "a.yaml"))) {
            assertThat(new Presets(loader).names()).containsExactly("a", "b", "c");
        }
        try (URLClassLoader loader = loader()) {
            assertThat(new Presets(loader).names()).isEmpty();
        }
    }

    @Test
    void theShippedOnesAreTheFilesOfTheSourceFolder() throws IOException {
        Path source = Path.of(System.getProperty("foothold.root"), "services/orchestrator/src/main/resources/presets");
        try (var files = Files.list(source)) {
            assertThat(RunFile.presets())
                    .containsExactlyElementsOf(
                            files.map(f -> f.getFileName().toString().replace(".yaml", ""))
                                    .sorted()
                                    .toList())
                    .contains("grpo", "guide-grpo", "pkpo");
        }
    }
}
