package io.foothold.orchestrator.run;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bytes of an event file; computed apart, from the format's description, with a bitwise CRC-32C in Python. */
class TensorBoardFileTest {
    private static final Instant TIME = Instant.ofEpochMilli(1_700_000_000_250L);
    private static final String VERSION =
            "1a00000000000000129bd82d0900001040fc54d94110001a0d627261696e2e4576656e743a3252ef9793";
    private static final String SCALARS =
            "46000000000000007235b9a50900001040fc54d94110ac022a380a120a0b7265776172645f6d6561"
                    + "6e150000003f0a0e0a07656e74726f707915000000000a120a0b7061737340315f726f6f74150000a0bf8f33e374";

    @TempDir
    Path directory;

    private static Map<String, Double> scalars() {
        Map<String, Double> out = new LinkedHashMap<>();
        out.put("reward_mean", 0.5);
        out.put("entropy", 0.0);
        out.put("pass@1_root", -1.25);
        return out;
    }

    private String written() throws IOException {
        try (var files = Files.list(directory)) {
            List<Path> all = files.toList();
            assertThat(all).hasSize(1).first().satisfies(file -> assertThat(file.getFileName())
                    .hasToString("events.out.tfevents.1700000000.foothold"));
            return HexFormat.of().formatHex(Files.readAllBytes(all.get(0)));
        }
    }

    @Test
    void theBytesAreThoseOfTheFormat() throws IOException {
        TensorBoardFile file = new TensorBoardFile(directory, () -> TIME);
        assertThat(written()).isEqualTo(VERSION);
        file.write(300, scalars());
        assertThat(written()).isEqualTo(VERSION + SCALARS);
    }

    @Test
    void aFileThatIsThereIsGoneOnWith() throws IOException {
        new TensorBoardFile(directory, () -> TIME).write(300, scalars());
        new TensorBoardFile(directory, () -> TIME).write(300, scalars());
        assertThat(written()).isEqualTo(VERSION + SCALARS + SCALARS);
    }
}
