package io.foothold.learner.train;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.Disk;
import io.foothold.policy.FileContent;
import io.foothold.policy.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What of a run is in a store that goes away, and of whose users any can be killed. */
class StoredRunTest {
    private static final int KEPT = 2;
    private static final String SETTINGS = "settings\n";

    @TempDir
    Path scratch;

    private final MemoryStore store = new MemoryStore();

    private Path home(String name) {
        return scratch.resolve(name);
    }

    private StoredRun run(String home) {
        return run(store, home);
    }

    private StoredRun run(MemoryStore store, String home) {
        return new StoredRun(store, "r", home(home), KEPT, Disk.REAL);
    }

    private CheckpointStore checkpoints(String home) {
        return new CheckpointStore(home(home).resolve("checkpoints"), KEPT, Disk.REAL);
    }

    private void write(String home, String label, long update) throws IOException {
        checkpoints(home)
                .write(
                        label,
                        new CheckpointStore.State(update, update, update, SETTINGS),
                        Map.of(
                                "model.safetensors", FileContent.of(("weights " + update).getBytes(UTF_8)),
                                "moments/0", FileContent.of(("moments " + update).getBytes(UTF_8))),
                        CheckpointStore.Part.NONE);
        Path manifest = home(home).resolve("manifests").resolve(update + ".json");
        Files.createDirectories(manifest.getParent());
        Files.writeString(manifest, "manifest " + update);
    }

    /** Where a learner with an empty directory goes on. */
    private Optional<Long> restored(String home) {
        try (StoredRun next = run(home)) {
            next.restore();
        }
        CheckpointStore.Found found = checkpoints(home).newest(SETTINGS);
        assertThat(found.damaged()).isEmpty();
        return found.checkpoint().map(c -> c.state().update());
    }

    /** What has a state.json has all that it names. */
    private void assertWhole() throws IOException {
        for (String name : store.objects.keySet()) {
            if (name.endsWith("/state.json")) {
                Path state = scratch.resolve("state.json");
                Files.write(state, store.objects.get(name));
                SealedJson.decode(state, CheckpointStore.Stored.class).sha256().forEach((file, sha256) -> assertThat(
                                Sha256.of(store.objects.get(name.replace("state.json", file))))
                        .as("%s of %s", file, name)
                        .isEqualTo(sha256));
            }
        }
    }

    @Test
    void aKillBetweenAnyTwoWritesLeavesNothingHalf() throws Exception {
        int killed = 0;
        boolean whole = false;
        for (int k = 0; !whole; k++) {
            store.objects.clear();
            String home = "a" + k;
            try (StoredRun run = run(home)) {
                for (int update : new int[] {2, 4}) {
                    write(home, "", update);
                    run.written(Integer.toString(update));
                    run.await("");
                }
                write(home, "best", 4);
                run.written("best");
                run.await("");
            }
            MemoryStore dying = store.again();
            dying.killAfter(k);
            try (StoredRun run = run(dying, home)) {
                run.restore();
                write(home, "", 6);
                write(home, "best", 6);
                run.written("6");
                run.written("best");
                run.await("");
                whole = true;
            } catch (FootholdException e) {
                killed++;
            }
            assertWhole();
            assertThat(restored("b" + k).orElseThrow()).isIn(whole ? 6L : 4L, 6L);
            assertThat(home("b" + k).resolve("manifests").toFile().list()).hasSize(1);
        }
        assertThat(killed)
                .as("writes of two checkpoints, and deletes of an old one")
                .isEqualTo(12);
        assertThat(store.objects.keySet())
                .contains("r/checkpoints/4/state.json", "r/checkpoints/6/state.json", "r/manifests/6.json")
                .noneMatch(name -> name.startsWith("r/checkpoints/2/") || name.equals("r/manifests/2.json"));
    }

    @Test
    void whileTheStoreIsAwayTheNewestWaitsAndWhatIsToldIsWhatItHas() throws Exception {
        try (StoredRun run = run("a")) {
            store.away = true;
            for (int update : new int[] {2, 4, 6}) {
                write("a", "", update);
                run.written(Integer.toString(update));
            }
            assertThatThrownBy(() -> run.await(""))
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.PEER_UNAVAILABLE));
            assertThat(run.checkpointed(6)).isZero();
            assertThat(run.oldestKept(4)).isZero();
            store.away = false;
            run.await("");
            assertThat(run.checkpointed(6)).isEqualTo(6);
            assertThat(run.oldestKept(4)).as("one of two").isZero();
            write("a", "", 8);
            run.written("8");
            run.await("");
            assertThat(run.oldestKept(6)).isEqualTo(6);
        }
        assertThat(store.objects.keySet()).noneMatch(name -> name.startsWith("r/checkpoints/4/"));
    }

    @Test
    void aDamagedCheckpointIsPassedOverForTheOneBefore() throws Exception {
        try (StoredRun run = run("a")) {
            for (int update : new int[] {2, 4}) {
                write("a", "", update);
                run.written(Integer.toString(update));
                run.await("");
            }
        }
        store.objects.put("r/checkpoints/4/moments/0", "others".getBytes(UTF_8));
        assertThat(restored("b")).contains(2L);
    }

    @Test
    void whatAnEarlierProcessCouldNotSendIsSentWhenTheRunIsOpenedAgain() throws Exception {
        write("a", "", 2);
        write("a", "best", 2);
        try (StoredRun run = run("a")) {
            run.restore();
            run.await("");
        }
        assertThat(store.objects).containsKeys("r/checkpoints/2/state.json", "r/checkpoints/best/state.json");
        assertThat(restored("b")).contains(2L);
    }

    @Test
    void aStoreThatIsAwayWhenARunIsOpenedIsToldAndNothingIsGuessed() {
        store.away = true;
        try (StoredRun run = run("a")) {
            assertThatThrownBy(run::restore).isInstanceOfSatisfying(FootholdException.class, e -> assertThat(e.code())
                    .isEqualTo(ErrorCode.PEER_UNAVAILABLE));
        }
    }

    @Test
    void aPolicyVersionIsSentBehindItsAdaptersAndTheNewestStay() throws Exception {
        Path artefacts = Files.createDirectories(home("a").resolve("artefacts"));
        String digest = "";
        try (StoredRun run = run("a")) {
            for (int version = 0; version < 6; version++) {
                byte[] content = ("weights " + version).getBytes(UTF_8);
                digest = Sha256.of(content);
                Files.write(artefacts.resolve(digest + ".safetensors"), content);
                Path adapter = Files.createDirectories(artefacts.resolve(digest + ".adapter"));
                Files.writeString(adapter.resolve("adapter_config.json"), "{}");
                run.await(digest);
                assertThat(run.uri(Path.of("artefacts", digest + ".safetensors")))
                        .contains("s3://memory/runs/r/artefacts/" + digest + ".safetensors");
            }
            assertThat(store.list("r/artefacts")).hasSize(8);
            assertThat(store.objects).containsKey("r/artefacts/" + digest + ".safetensors");
            assertThatThrownBy(() -> run.await("../../checkpoints/x"))
                    .isInstanceOfSatisfying(
                            FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.WRONG_STATE));
        }
    }
}
