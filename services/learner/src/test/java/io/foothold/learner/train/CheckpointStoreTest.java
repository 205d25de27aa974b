package io.foothold.learner.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.FileContent;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointStoreTest {
    private static final List<String> FILES = List.of("model", "moments", "adapter/weights", "adapter/config");

    @TempDir
    Path scratch;

    private static CheckpointStore store(Path directory, int kept) {
        return new CheckpointStore(directory, kept, new QuickDisk());
    }

    private static void write(CheckpointStore store, String label, long update) {
        Map<String, FileContent> files = new LinkedHashMap<>();
        FILES.forEach(name ->
                files.put(name, FileContent.of((name + " of update " + update).getBytes(StandardCharsets.US_ASCII))));
        store.write(
                label, new CheckpointStore.State(update, update, update, "settings"), files, CheckpointStore.Part.NONE);
    }

    private static CheckpointStore three(Path directory, int kept) {
        CheckpointStore store = store(directory, kept);
        for (long update : new long[] {10, 20, 30}) {
            write(store, "", update);
        }
        return store;
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }

    /** Ways in which a file goes bad. */
    enum Harm {
        ONE_BIT,
        LAST_BIT,
        CUT,
        EMPTY,
        LONGER,
        GONE;

        void doTo(Path file) throws IOException {
            byte[] bytes = Files.readAllBytes(file);
            switch (this) {
                case ONE_BIT -> bytes[bytes.length / 2] ^= 4;
                case LAST_BIT -> bytes[bytes.length - 1] ^= 1;
                case CUT -> bytes = Arrays.copyOf(bytes, bytes.length - 1);
                case EMPTY -> bytes = new byte[0];
                case LONGER -> bytes = Arrays.copyOf(bytes, bytes.length + 1);
                case GONE -> {
                    Files.delete(file);
                    return;
                }
            }
            Files.write(file, bytes);
        }
    }

    @ParameterizedTest
    @EnumSource(Harm.class)
    void aDamagedNewestCheckpointIsPassedOverAndNamed(Harm harm) throws IOException {
        for (String name : FILES) {
            Path directory = scratch.resolve(name.replace('/', '-'));
            three(directory, 3);
            harm.doTo(directory.resolve("30").resolve(name));
            CheckpointStore.Found found = store(directory, 3).newest("settings");
            assertThat(found.checkpoint().orElseThrow().directory()).isEqualTo(directory.resolve("20"));
            assertThat(found.checkpoint().orElseThrow().state())
                    .isEqualTo(new CheckpointStore.State(20, 20, 20, "settings"));
            assertThat(found.damaged())
                    .singleElement()
                    .asString()
                    .contains(directory.resolve("30") + " is damaged: " + name);
        }
    }

    @ParameterizedTest
    @EnumSource(Harm.class)
    void theStateIsCheckedLikeEveryOtherFile(Harm harm) throws IOException {
        three(scratch, 3);
        harm.doTo(scratch.resolve("30/state.json"));
        CheckpointStore.Found found = store(scratch, 3).newest("settings");
        assertThat(found.checkpoint().orElseThrow().state().update()).isEqualTo(20);
        assertThat(found.damaged()).singleElement().asString().contains("30/state.json");
    }

    @Test
    void everyDigitOfTheStateIsSealed() throws IOException {
        three(scratch, 3);
        Path state = scratch.resolve("30/state.json");
        Files.writeString(state, Files.readString(state).replace("\"version\":30", "\"version\":31"));
        assertThat(store(scratch, 3)
                        .newest("settings")
                        .checkpoint()
                        .orElseThrow()
                        .state()
                        .update())
                .isEqualTo(20);
    }

    @Test
    void theBaseTakesTheLastPlaceOfThoseThatAreKept() throws IOException {
        write(store(scratch, 2), "", 10);
        Harm.ONE_BIT.doTo(scratch.resolve("10/model"));
        CheckpointStore.Found found = store(scratch, 2).newest("settings");
        assertThat(found.checkpoint()).isEmpty();
        assertThat(found.damaged()).hasSize(1);
    }

    @Test
    void whenNoneIsWholeTheErrorNamesTheFilesAndNothingIsTouched() throws IOException {
        three(scratch, 2);
        Harm.ONE_BIT.doTo(scratch.resolve("20/moments"));
        Harm.GONE.doTo(scratch.resolve("30/model"));
        assertThatThrownBy(() -> store(scratch, 2).newest("settings"))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_DATA))
                .hasMessageContaining("30 is damaged: model is missing")
                .hasMessageContaining("20 is damaged: moments has SHA-256 ");
        assertThat(names(scratch)).containsExactly("20", "30");
    }

    @Test
    void otherSettingsAreAConflictAndNoDamage() {
        three(scratch, 3);
        assertThatThrownBy(() -> store(scratch, 3).newest("others"))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONFLICT))
                .hasMessageContaining("was 'settings', is 'others'");
    }

    @Test
    void asManyWholeCheckpointsStayAsAreKeptAndTheOldestIsTold() throws IOException {
        CheckpointStore store = store(scratch, 2);
        assertThat(store.oldestKept()).isZero();
        write(store, "", 10);
        assertThat(store.oldestKept()).isZero();
        write(store, "", 20);
        assertThat(store.oldestKept()).isEqualTo(10);
        write(store, "best", 20);
        write(store, "", 30);
        assertThat(store.oldestKept()).isEqualTo(20);
        assertThat(names(scratch)).containsExactly("20", "30", "best");
    }

    @Test
    void aDamagedOneDoesNotTakeAPlaceFromAWholeOne() throws IOException {
        three(scratch, 2);
        Harm.ONE_BIT.doTo(scratch.resolve("30/model"));
        CheckpointStore store = store(scratch, 2);
        assertThat(store.newest("settings").checkpoint().orElseThrow().state().update())
                .isEqualTo(20);
        write(store, "", 25);
        assertThat(names(scratch)).containsExactly("20", "25", "30");
        assertThat(store.oldestKept()).isEqualTo(20);
        write(store, "", 30);
        assertThat(names(scratch)).containsExactly("25", "30");
        assertThat(store(scratch, 2).newest("settings").damaged()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"'',false", "'',true", "best,false", "best,true", "again,true"})
    void aCrashBetweenAnyTwoStepsLeavesTheOldOrTheNewCheckpoint(String label, boolean power) throws IOException {
        int steps = 0;
        for (boolean crashed = true; crashed; steps++) {
            Path directory = scratch.resolve(Integer.toString(steps));
            CheckpointStore before = store(directory, 2);
            write(before, "", 10);
            write(before, "", 20);
            write(before, "best", 20);
            // Again: the number is there, as when a run that fell back comes by once more.
            long update = label.equals("again") ? 20 : 30;
            crashed = false;
            try {
                write(
                        new CheckpointStore(directory, 2, new CrashingDisk(steps, power)),
                        label.equals("best") ? "best" : "",
                        update);
            } catch (CrashingDisk.Crash e) {
                crashed = true;
            }
            CheckpointStore after = store(directory, 2);
            after.recover();
            assertThat(names(directory)).noneMatch(n -> n.startsWith("."));
            assertThat(names(directory)).contains("best").hasSizeBetween(3, 4);
            CheckpointStore.Found found = after.newest("settings");
            assertThat(found.damaged()).as("after %d steps", steps).isEmpty();
            assertThat(found.checkpoint().orElseThrow().state().update()).isIn(20L, 30L);
            // Every other one is whole too, down to the one whose groups are kept.
            for (String name : names(directory)) {
                Path alone = scratch.resolve("alone-" + steps + "-" + name).resolve("7");
                Files.createDirectories(alone.getParent());
                Files.move(directory.resolve(name), alone);
                assertThat(store(alone.getParent(), 2).newest("settings").damaged())
                        .as("%s after %d steps", name, steps)
                        .isEmpty();
            }
        }
        assertThat(steps).isGreaterThan(12);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void recoveringCanCrashToo(boolean power) throws IOException {
        for (int steps = 0; steps < 12; steps++) {
            Path directory = scratch.resolve(Integer.toString(steps));
            three(directory, 3);
            Files.move(directory.resolve("30"), directory.resolve(".old-30"));
            Files.move(directory.resolve("10"), directory.resolve(".gone-10"));
            try {
                new CheckpointStore(directory, 3, new CrashingDisk(steps, power)).recover();
            } catch (CrashingDisk.Crash e) {
                // As it should.
            }
            CheckpointStore after = store(directory, 3);
            after.recover();
            assertThat(names(directory)).containsExactly("20", "30");
            assertThat(after.newest("settings").damaged()).isEmpty();
        }
    }
}
