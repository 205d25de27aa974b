package io.foothold.cli.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.google.cloud.tools.jib.api.Containerizer;
import com.google.cloud.tools.jib.api.Jib;
import com.google.cloud.tools.jib.api.TarImage;
import com.google.cloud.tools.jib.api.buildplan.AbsoluteUnixPath;
import io.foothold.contracts.error.FootholdException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images of a small application on a base that is a file. */
class PackingTest {
    private static final Commit COMMIT = new Commit("0123456789abcdef", Instant.parse("2026-03-01T12:00:00Z"));
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path directory;

    private Path base;

    @BeforeEach
    void base() throws Exception {
        base = directory.resolve("base.tar");
        Path java = Files.writeString(directory.resolve("java"), "#!/bin/sh\n");
        Jib.fromScratch()
                .addLayer(List.of(java), AbsoluteUnixPath.get("/bin"))
                .addEnvironmentVariable("PATH", "/bin")
                .setUser("root")
                .containerize(Containerizer.to(TarImage.at(base).named("base:1"))
                        .setApplicationLayersCache(directory.resolve("base-cache")));
    }

    private Path application(String name, Instant modified) throws IOException {
        Path app = directory.resolve(name);
        for (String file : List.of(
                "quarkus-run.jar",
                "lib/main/com.example.one-1.jar",
                "lib/main/io.foothold.core-1.jar",
                "lib/boot/boot.jar",
                "app/verifier.jar",
                "quarkus/generated-bytecode.jar")) {
            Path to = app.resolve(file);
            Files.createDirectories(to.getParent());
            Files.writeString(to, file);
            Files.setLastModifiedTime(to, FileTime.from(modified));
        }
        Path natives = app.resolve("lib/main/natives.jar");
        Files.write(natives, new byte[9 << 20]);
        return app;
    }

    private Path policy() throws IOException {
        Path policy = directory.resolve("dial");
        Files.createDirectories(policy);
        Files.writeString(policy.resolve("config.json"), "{}");
        return policy;
    }

    private Packing packing(String cache) {
        return new Packing("tar://" + base, "1.2.3", Optional.of(COMMIT), directory.resolve(cache));
    }

    @Test
    void theSameApplicationGivesTheSameDigestAndBytesWheneverItIsPacked() throws IOException {
        ServiceImage first = new ServiceImage("verifier", application("a", Instant.EPOCH), List.of(policy()));
        ServiceImage again = new ServiceImage(
                "verifier", application("b", Instant.parse("2026-05-05T05:05:05Z")), List.of(policy()));
        Path one = directory.resolve("one.tar");
        Path two = directory.resolve("two.tar");
        String digest = packing("cache-1").write(first, "foothold/verifier:1", one);
        assertThat(packing("cache-2").write(again, "foothold/verifier:1", two)).isEqualTo(digest);
        assertThat(one).hasSameBinaryContentAs(two);
        assertThat(digest).matches("sha256:[0-9a-f]{64}");
    }

    @Test
    void anotherByteGivesAnotherDigest() throws IOException {
        Path app = application("a", Instant.EPOCH);
        ServiceImage image = new ServiceImage("verifier", app, List.of());
        String before = packing("cache").write(image, "foothold/verifier:1", directory.resolve("one.tar"));
        Files.writeString(app.resolve("app/verifier.jar"), "changed");
        assertThat(packing("cache").write(image, "foothold/verifier:1", directory.resolve("two.tar")))
                .isNotEqualTo(before);
    }

    @Test
    void theImageSaysWhatItIsAndRunsAsNobodyInParticular() throws IOException {
        Path file = directory.resolve("image.tar");
        packing("cache")
                .write(
                        new ServiceImage("policy-server", application("a", Instant.EPOCH), List.of(policy())),
                        "registry.example.org/team/foothold/policy-server:1",
                        file);
        Map<String, byte[]> parts = entries(Files.newInputStream(file));
        JsonNode manifest = JSON.readTree(parts.get("manifest.json")).get(0);
        assertThat(manifest.path("RepoTags").get(0).asText())
                .isEqualTo("registry.example.org/team/foothold/policy-server:1");
        JsonNode image = JSON.readTree(parts.get(manifest.path("Config").asText()));
        assertThat(image.path("created").asText()).isEqualTo("2026-03-01T12:00:00Z");
        JsonNode config = image.path("config");
        assertThat(config.path("User").asText()).isEqualTo("10001:10001");
        assertThat(config.path("Env").toString()).contains("PATH=/bin");
        assertThat(config.path("Entrypoint").get(0).asText()).isEqualTo("java");
        JsonNode labels = config.path("Labels");
        String prefix = "org.opencontainers.image.";
        assertThat(labels.path(prefix + "revision").asText()).isEqualTo("0123456789abcdef");
        assertThat(labels.path(prefix + "version").asText()).isEqualTo("1.2.3");
        assertThat(labels.path(prefix + "title").asText()).isEqualTo("foothold/policy-server");

        List<TreeSet<String>> layers = new ArrayList<>();
        for (JsonNode layer : manifest.path("Layers")) {
            byte[] zipped = parts.get(layer.asText());
            TreeSet<String> files = new TreeSet<>();
            entries(new GZIPInputStream(new ByteArrayInputStream(zipped))).keySet().stream()
                    .filter(name -> !name.endsWith("/"))
                    .forEach(files::add);
            layers.add(files);
        }
        assertThat(layers).hasSize(5);
        assertThat(layers.get(1)).containsExactly("app/lib/main/natives.jar");
        assertThat(layers.get(2)).containsExactly("app/lib/boot/boot.jar", "app/lib/main/com.example.one-1.jar");
        assertThat(layers.get(3)).contains("app/quarkus-run.jar", "app/lib/main/io.foothold.core-1.jar");
        assertThat(layers.get(4)).containsExactly("opt/foothold/policies/dial/config.json");
    }

    private static Map<String, byte[]> entries(InputStream in) throws IOException {
        Map<String, byte[]> out = new LinkedHashMap<>();
        try (TarArchiveInputStream tar = new TarArchiveInputStream(in)) {
            for (TarArchiveEntry e = tar.getNextEntry(); e != null; e = tar.getNextEntry()) {
                out.put(e.getName(), e.isFile() ? tar.readAllBytes() : new byte[0]);
            }
        }
        return out;
    }

    @Test
    void aBaseThatIsNoImageIsToldWithItsName() throws IOException {
        assertThatThrownBy(() -> new Packing("tar:///nowhere.tar", "1", Optional.empty(), directory))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("/nowhere.tar")
                .hasMessageContaining("docker save");
        Path text = Files.writeString(directory.resolve("text"), "no image");
        ServiceImage image = new ServiceImage("verifier", application("a", Instant.EPOCH), List.of());
        Packing packing = new Packing("tar://" + text, "1", Optional.empty(), directory.resolve("cache"));
        assertThatThrownBy(() -> packing.write(image, "a:1", directory.resolve("out.tar")))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("cannot pack verifier on tar://" + text);
    }

    @Test
    void aServiceThatWasNotBuiltIsToldWithTheCommandThatBuildsIt() {
        assertThatThrownBy(() -> new ServiceImage("verifier", directory.resolve("none"), List.of()))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("./foothold build");
    }

    @Test
    void aWrongNameIsRefused() throws IOException {
        ServiceImage image = new ServiceImage("verifier", application("a", Instant.EPOCH), List.of());
        assertThatThrownBy(() -> packing("cache").write(image, "UPPER CASE:1", directory.resolve("out.tar")))
                .isInstanceOf(FootholdException.class)
                .hasMessageContaining("UPPER CASE");
    }

    @Test
    void anImageIsPushedToTheRegistryOfItsName() throws IOException {
        ServiceImage image = new ServiceImage("verifier", application("a", Instant.EPOCH), List.of());
        try (Registry registry = new Registry()) {
            String digest = packing("cache").push(image, registry.name() + "/team/foothold/verifier:1", true);
            assertThat(registry.manifests).containsOnlyKeys("/v2/team/foothold/verifier/manifests/1");
            JsonNode manifest =
                    JSON.readTree(registry.manifests.values().iterator().next());
            assertThat(registry.blobs)
                    .contains(manifest.path("config").path("digest").asText());
            manifest.path("layers").forEach(layer -> assertThat(registry.blobs)
                    .contains(layer.path("digest").asText()));
            assertThat(digest)
                    .as("the same image as a file")
                    .isEqualTo(packing("cache").write(image, "foothold/verifier:1", directory.resolve("f.tar")));
        }
    }
}
