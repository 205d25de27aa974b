package io.foothold.cli.machine;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What doctor says of machines that are made up here. */
class SurroundingsTest {
    @TempDir
    Path root;

    private Path programs;

    @BeforeEach
    void emptyMachine() throws IOException {
        programs = Files.createDirectories(root.resolve("bin"));
    }

    private Surroundings machine() {
        return new Surroundings(root, List.of(root.resolve("no such directory"), programs));
    }

    private void program(String name, String script) throws IOException {
        Path file = Files.writeString(programs.resolve(name), "#!/bin/sh\n" + script + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Test
    void aMachineWithoutAnythingIsSound() {
        assertThat(machine().told(() -> 3L << 30))
                .hasSize(4)
                .anySatisfy(l -> assertThat(l).startsWith("none  GPUs: "))
                .anySatisfy(l -> assertThat(l).startsWith("none  Python with torch: "))
                .anySatisfy(l -> assertThat(l).startsWith("none  tritonserver: "))
                .anySatisfy(l -> assertThat(l).startsWith("ok    memory: 3.0 GiB available, processors: "));
    }

    @Test
    void cardsAreTold() throws IOException {
        program("nvidia-smi", "echo 'NVIDIA H200, 143771 MiB, 570.1'; echo 'NVIDIA H200, 143771 MiB, 570.1'");
        assertThat(machine().gpus()).contains("NVIDIA H200, 143771 MiB, 570.1; NVIDIA H200, 143771 MiB, 570.1");
    }

    @Test
    void aDriverWithoutItsProgramIsSeenToo() throws IOException {
        program("nvidia-smi", "exit 9");
        Path card = Files.createDirectories(root.resolve("proc/driver/nvidia/gpus/0000:01:00.0"));
        Files.writeString(card.resolve("information"), "Model: \t\t NVIDIA A10\nIRQ: 7\n");
        Files.createDirectories(root.resolve("proc/driver/nvidia/gpus/0000:02:00.0"));
        assertThat(machine().gpus())
                .hasValueSatisfying(text -> assertThat(text).startsWith("NVIDIA A10; a card that cannot be read: "));
    }

    @Test
    void aPythonIsOnlyOneWithTorch() throws IOException {
        program("python3", "exit 1");
        assertThat(machine().torch()).isEmpty();
        program("python3", "echo 2.15.0 without CUDA");
        program("tritonserver", "exit 0");
        assertThat(machine().torch()).contains("torch 2.15.0 without CUDA, " + programs.resolve("python3"));
        assertThat(machine().told(() -> 0)).contains("ok    tritonserver: " + programs.resolve("tritonserver"));
    }
}
