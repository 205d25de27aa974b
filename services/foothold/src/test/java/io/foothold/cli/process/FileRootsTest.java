package io.foothold.cli.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.foothold.contracts.files.Roots;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a command's services may read: what its user named, and what that needs. */
class FileRootsTest {
    @TempDir
    Path directory;

    private Roots roots(Path named) {
        String configured = FileRoots.with(Map.of(), directory.resolve("home"), List.of(named))
                .get(Roots.KEY);
        return Roots.of(Arrays.stream(configured.split(",")).map(Path::of).toList());
    }

    @Test
    void aModelOfACacheBringsTheFilesThatItsLinksLeadTo() throws Exception {
        Path blobs = Files.createDirectories(directory.resolve("cache/blobs"));
        Files.writeString(blobs.resolve("abc"), "weights");
        Files.writeString(blobs.resolve("of another"), "weights");
        Path snapshot = Files.createDirectories(directory.resolve("cache/snapshots/1"));
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../../blobs/abc"));
        Roots roots = roots(snapshot);
        assertThat(roots.directory("base policy", snapshot.toString())).exists();
        assertThat(roots.all()).contains(blobs.resolve("abc")).doesNotContain(blobs.resolve("of another"), blobs);
    }

    @Test
    void adaptersBringTheirBaseModel() throws Exception {
        Path base = Files.createDirectories(directory.resolve("base"));
        Path elsewhere = Files.writeString(directory.resolve("tokenizer.json"), "{}");
        Files.createSymbolicLink(base.resolve("tokenizer.json"), elsewhere);
        Path adapter = Files.createDirectories(directory.resolve("adapters/1"));
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"base_model_name_or_path\": \"../../base\"}");
        Roots roots = roots(adapter);
        assertThat(roots.directory("base policy", base.toString())).exists();
        assertThat(roots.all()).contains(adapter, base, elsewhere);
        Files.writeString(adapter.resolve("adapter_config.json"), "{\"base_model_name_or_path\": \"some/model\"}");
        assertThat(roots(adapter).all()).contains(adapter).doesNotContain(base);
    }

    @Test
    void aFileBringsItselfAlone() throws Exception {
        Path file = Files.writeString(directory.resolve("set.jsonl"), "{}");
        assertThat(roots(file).all()).contains(file).doesNotContain(directory);
    }
}
