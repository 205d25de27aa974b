package io.foothold.cli.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.CausalModel;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models by their names, from a hub that is here. */
class HubTest {
    private static final String ID = "org/tiny";

    @TempDir
    Path directory;

    private LocalHub server;
    private Map<String, byte[]> files = Map.of();
    private final ByteArrayOutputStream told = new ByteArrayOutputStream();

    @BeforeEach
    void serve() throws IOException {
        server = new LocalHub();
        files = model();
        server.add(ID, files);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    /** A shipped policy, with what else lies in a repository. */
    static Map<String, byte[]> model() throws IOException {
        Map<String, byte[]> out = new TreeMap<>();
        Path policy = Path.of(System.getProperty("foothold.root"), "services/foothold/policies/dial");
        try (Stream<Path> all = Files.list(policy)) {
            for (Path file : all.filter(Files::isRegularFile).toList()) {
                out.put(file.getFileName().toString(), Files.readAllBytes(file));
            }
        }
        out.put("pytorch_model.bin", new byte[100]);
        out.put("onnx/model.onnx", new byte[100]);
        out.put("README.md", "# Tiny".getBytes(StandardCharsets.UTF_8));
        return out;
    }

    private Hub hub(Optional<String> token, boolean offline) {
        return new Hub(
                new HubSettings(
                        server.address(),
                        token,
                        directory.resolve("hub"),
                        offline,
                        new HubSettings.Patience(Duration.ofSeconds(5), Duration.ofMillis(1))),
                new PrintStream(told, true, StandardCharsets.UTF_8));
    }

    private Hub hub() {
        return hub(Optional.empty(), false);
    }

    private static HubName name(String text) {
        return HubName.parse(HubName.Kind.MODEL, text).orElseThrow();
    }

    private long askedForFiles() {
        return server.asked.stream().filter(a -> a.contains("/resolve/")).count();
    }

    @Test
    void aModelComesWholeIntoTheCacheAtItsCommitAndIsThenFoundWithoutTheHub() throws IOException {
        Hub.Found found = hub().model(name(ID));
        assertThat(found.name()).hasToString(ID + "@" + LocalHub.COMMIT);
        assertThat(found.directory())
                .isEqualTo(directory.resolve("hub/models--org--tiny/snapshots").resolve(LocalHub.COMMIT));
        assertThat(CausalModel.open(found.directory()).size().parameters()).isPositive();
        for (String file : List.of("config.json", "tokenizer.json", "model.safetensors")) {
            assertThat(found.directory().resolve(file)).isSymbolicLink().hasBinaryContent(files.get(file));
        }
        assertThat(found.directory().resolve("pytorch_model.bin")).doesNotExist();
        assertThat(directory.resolve("hub/models--org--tiny/refs/main")).hasContent(LocalHub.COMMIT);
        assertThat(told.toString(StandardCharsets.UTF_8)).contains("model.safetensors");
        int before = server.asked.size();
        assertThat(hub().model(name(ID))).isEqualTo(found);
        assertThat(hub(Optional.empty(), true).model(name(ID + "@" + LocalHub.COMMIT)))
                .isEqualTo(found);
        assertThat(server.asked).hasSize(before);
    }

    @Test
    void aConnectionThatBreaksOffGoesOnWhereItWas() throws IOException {
        int size = files.get("model.safetensors").length;
        server.breaks.addAll(List.of(size / 3, size / 3));
        Hub.Found found = hub().model(name(ID));
        assertThat(found.directory().resolve("model.safetensors")).hasBinaryContent(files.get("model.safetensors"));
        assertThat(server.asked.stream().filter(a -> a.contains("bytes="))).hasSizeGreaterThanOrEqualTo(2);
    }

    @Test
    void oneThatDoesNotGoOnSaysSoAndKeepsWhatItHas() {
        int size = files.get("model.safetensors").length;
        server.breaks.add(size / 2);
        for (int i = 0; i < 20; i++) {
            server.breaks.add(0);
        }
        assertThatThrownBy(() -> hub().model(name(ID)))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE))
                .hasMessageContaining("model.safetensors of " + ID + "@" + LocalHub.COMMIT + " did not come to its end")
                .hasMessageContaining("bytes are kept");
        assertThat(directory.resolve("hub/models--org--tiny/refs/main")).doesNotExist();
        server.breaks.clear();
        long before = server.asked.size();
        Hub.Found found = hub().model(name(ID));
        assertThat(found.directory().resolve("model.safetensors")).hasBinaryContent(files.get("model.safetensors"));
        assertThat(server.asked.stream().skip(before).filter(a -> a.contains("bytes=")))
                .isNotEmpty();
    }

    @Test
    void aServerThatBeginsAgainIsTakenFromItsBeginning() {
        server.ignoresRange = true;
        server.breaks.add(files.get("model.safetensors").length / 2);
        Hub.Found found = hub().model(name(ID));
        assertThat(found.directory().resolve("model.safetensors")).hasBinaryContent(files.get("model.safetensors"));
    }

    @Test
    void contentThatIsNotWhatTheHubSaidIsRefusedAndNotKept() throws IOException {
        server.lies = true;
        assertThatThrownBy(() -> hub().model(name(ID)))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_DATA))
                .hasMessageContaining("model.safetensors of ")
                .hasMessageContaining("is not what the hub said it is, twice: SHA-256 ");
        try (Stream<Path> blobs = Files.list(directory.resolve("hub/models--org--tiny/blobs"))) {
            assertThat(blobs.map(b -> b.getFileName().toString())
                            .filter(b -> b.length() == 64 || b.contains("incomplete")))
                    .isEmpty();
        }
    }

    @Test
    void aCacheThatOthersFilledInPartIsCompleted() throws IOException {
        Hub.Found found = hub().model(name(ID));
        Files.delete(found.directory().resolve("model.safetensors"));
        long before = askedForFiles();
        assertThat(hub().model(name(ID)).directory().resolve("model.safetensors"))
                .exists();
        assertThat(askedForFiles()).as("its blob was there").isEqualTo(before);
    }

    @Test
    void aModelWhoseWeightsAreInPiecesComesWithAllOfThem() {
        Map<String, byte[]> pieces = new TreeMap<>(files);
        byte[] weights = pieces.remove("model.safetensors");
        pieces.put("model-00001-of-00002.safetensors", weights);
        pieces.put("model-00002-of-00002.safetensors", new byte[10]);
        pieces.put("consolidated.safetensors", new byte[10]);
        pieces.put(
                "model.safetensors.index.json",
                "{\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\",\"b\":\"model-00002-of-00002.safetensors\"}}"
                        .getBytes(StandardCharsets.UTF_8));
        server.add("org/pieces", pieces);
        Path found = hub().model(name("org/pieces")).directory();
        assertThat(found.resolve("model-00001-of-00002.safetensors")).exists();
        assertThat(found.resolve("model-00002-of-00002.safetensors")).exists();
        assertThat(found.resolve("consolidated.safetensors")).doesNotExist();
    }

    @Test
    void theTokenIsShownToTheHubAloneAndToldToNobody() {
        server.gated = ID;
        assertThatThrownBy(() -> hub().model(name(ID)))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.FORBIDDEN))
                .hasMessageContaining("model org/tiny is gated: HF_TOKEN is not set");
        assertThatThrownBy(() -> hub(Optional.of("bad-secret"), false).model(name(ID)))
                .hasMessageContaining("the token of HF_TOKEN has no access to it")
                .hasMessageNotContaining("bad-secret");
        server.asked.clear();
        assertThat(hub(Optional.of("good"), false).model(name(ID)).directory().resolve("model.safetensors"))
                .exists();
        assertThat(server.asked.stream().filter(a -> a.contains("/resolve/") || a.contains("/api/")))
                .allSatisfy(a -> assertThat(a).endsWith(" Bearer good"));
        assertThat(server.asked.stream().filter(a -> a.startsWith("/org/tiny/model.safetensors")))
                .isNotEmpty()
                .allSatisfy(a -> assertThat(a).doesNotContain("Bearer"));
        assertThat(told.toString(StandardCharsets.UTF_8)).doesNotContain("good");
        assertThat(new HubSettings(
                        "http://h",
                        Optional.of("secret"),
                        directory,
                        false,
                        new HubSettings.Patience(Duration.ZERO, Duration.ZERO)))
                .asString()
                .doesNotContain("secret");
    }

    @Test
    void whatTheHubDoesNotHaveIsNamed() {
        assertThatThrownBy(() -> hub().model(name("org/none")))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.NOT_FOUND))
                .hasMessageContaining("there is no model org/none@main (status 404 of " + server.address() + ")");
        assertThatThrownBy(() -> hub().model(name(ID + "@v9"))).hasMessageContaining("has no revision 'v9'");
        server.add(
                "org/bin",
                Map.of("config.json", "{}".getBytes(StandardCharsets.UTF_8), "pytorch_model.bin", new byte[3]));
        assertThatThrownBy(() -> hub().model(name("org/bin")))
                .hasMessageContaining("has no model.safetensors")
                .hasMessageContaining("pytorch_model.bin");
        server.add("org/data", Map.of("data.csv", new byte[3]));
        assertThatThrownBy(() -> hub().model(name("org/data"))).hasMessageContaining("has no config.json");
        server.add("org/trap", Map.of("../../outside", new byte[3]));
        assertThatThrownBy(() -> hub().model(name("org/trap"))).hasMessageContaining("leads out of its repository");
        assertThatThrownBy(() -> hub(Optional.empty(), true).model(name("org/none")))
                .hasMessageContaining("HF_HUB_OFFLINE forbids to ask");
    }

    @Test
    void aHubThatIsNotThereIsNamed() {
        String address = server.address();
        server.close();
        assertThatThrownBy(() -> hub().model(name(ID)))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE))
                .hasMessageContaining(address + " (HF_ENDPOINT) cannot be asked");
    }

    @Test
    void theVariablesOfOtherToolsAreUnderstood() {
        HubSettings own = HubSettings.of(
                Map.of("HF_HOME", "/data/hf", "HF_ENDPOINT", "https://mirror.example/", "HF_TOKEN", " t "));
        assertThat(own.cache()).isEqualTo(Path.of("/data/hf/hub"));
        assertThat(own.endpoint()).isEqualTo("https://mirror.example");
        assertThat(own.token()).contains("t");
        assertThat(HubSettings.of(Map.of("HF_HUB_CACHE", "/c")).cache()).isEqualTo(Path.of("/c"));
        assertThat(HubSettings.of(Map.of()).cache())
                .isEqualTo(Path.of(System.getProperty("user.home"), ".cache/huggingface/hub"));
        assertThatThrownBy(() -> HubSettings.of(Map.of("HF_ENDPOINT", "mirror")))
                .hasMessageContaining("HF_ENDPOINT: 'mirror'");
    }

    @Test
    void onlyOrganisationAndNameAreAName() {
        assertThat(HubName.parse(HubName.Kind.MODEL, "Qwen/Qwen3-0.6B"))
                .contains(new HubName(HubName.Kind.MODEL, "Qwen/Qwen3-0.6B", "main"));
        assertThat(name("a/b@refs/pr/3").revision()).isEqualTo("refs/pr/3");
        for (String other : List.of("dial", "./a/b", "/a/b", "a/b/c", "a/b@", "../b", "a/..", "~/model", "a b/c")) {
            assertThat(HubName.parse(HubName.Kind.MODEL, other)).as(other).isEmpty();
        }
    }
}
