package io.foothold.learner.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ranks that are shell scripts: how they are started, and what is told of their ends. */
class TorchProcessesTest {
    /** Writes its environment beside itself, then does what a test wrote below it. */
    private static final String RANK = """
            #!/usr/bin/env bash
            here=$(dirname "$0")
            args=("$@")
            for i in "${!args[@]}"; do [ "${args[i]}" = --ready-file ] && ready=${args[i + 1]}; done
            env > "$here/env-$RANK"
            echo "$*" > "$here/args-$RANK"
            echo $$ > "$here/pid-$RANK"
            listen() { [ "$RANK" != 0 ] || { echo 127.0.0.1:1 > "$ready.part"; mv "$ready.part" "$ready"; }; }
            until_parent_ends() { cat > /dev/null; }
            """;

    @TempDir
    Path scratch;

    private TorchEnvironment environment(String behaviour) throws IOException {
        Path python = scratch.resolve("python");
        Files.writeString(python, RANK + behaviour);
        assertThat(python.toFile().setExecutable(true)).isTrue();
        return new TorchEnvironment(python, scratch);
    }

    private TorchProcesses start(int processes, String behaviour) throws IOException {
        return TorchProcesses.start(environment(behaviour), new TorchOptions(processes, "cpu", "", true, false, ""));
    }

    private String read(String name) throws IOException {
        return Files.readString(scratch.resolve(name));
    }

    private boolean lives(int rank) throws IOException {
        return ProcessHandle.of(Long.parseLong(read("pid-" + rank).strip()))
                .map(ProcessHandle::isAlive)
                .orElse(false);
    }

    @Test
    void ranksGetTorchrunsVariablesAndEndWithTheGroup() throws IOException {
        TorchProcesses group = start(2, "listen; until_parent_ends");
        await().until(() -> Files.exists(scratch.resolve("pid-1")));
        assertThat(group.death()).isEmpty();
        for (int rank = 0; rank < 2; rank++) {
            List<String> variables = read("env-" + rank).lines().toList();
            assertThat(variables)
                    .contains(
                            "RANK=" + rank,
                            "LOCAL_RANK=" + rank,
                            "WORLD_SIZE=2",
                            "MASTER_ADDR=127.0.0.1",
                            "PYTHONPATH=" + scratch);
            assertThat(read("args-" + rank)).contains("-m foothold_torch.worker --listen 127.0.0.1:0", "--device cpu");
        }
        assertThat(read("env-0")
                        .lines()
                        .filter(l -> l.startsWith("MASTER_PORT="))
                        .toList())
                .isEqualTo(read("env-1")
                        .lines()
                        .filter(l -> l.startsWith("MASTER_PORT="))
                        .toList());
        group.close();
        await().atMost(Duration.ofSeconds(30)).until(() -> !lives(0) && !lives(1));
    }

    @Test
    void theRankThatWasKilledIsNamedAndNotOneThatMissesIt() throws IOException {
        String behaviour = """
                listen
                until [ -e "$here/go" ]; do sleep 0.05; done
                [ $RANK = 1 ] && { echo 'the last words'; kill -9 $$; }
                echo 'a peer is gone'
                exit 1
                """;
        try (TorchProcesses group = start(2, behaviour)) {
            Files.createFile(scratch.resolve("go"));
            assertThat(group.deathSoon()).contains("rank 1 of 2 was ended by signal 9: the last words");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "3,INVALID_INPUT,rank 0: torch is 2.9.0 (expected 2.15.0)",
        "4,STORAGE,rank 0: 7 GiB wanted",
        "5,INVALID_INPUT,rank 0: torch sees no GPU",
        "1,INTERNAL,rank 0: ValueError"
    })
    void aWorkerThatDoesNotStartSaysWhy(int code, ErrorCode expected, String words) {
        assertThatThrownBy(() -> start(1, "echo log; echo '" + words + "' >&2; echo; exit " + code))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(expected))
                .hasMessageContaining(
                        "the torch worker did not start: rank 0 of 1 ended with exit code " + code + ": " + words);
    }

    @Test
    void aPortThatIsTakenIsTriedAgainWithAnother() throws IOException {
        String twice = "echo x >> \"$here/tries\"\n[ $(wc -l < \"$here/tries\") -gt 2 ] || { echo taken; exit 6; }\n";
        try (TorchProcesses group = start(1, twice + "listen; until_parent_ends")) {
            assertThat(group.death()).isEmpty();
            assertThat(read("tries")).hasLineCount(3);
        }
        assertThatThrownBy(() -> start(1, "echo 'rank 0: port 9 is taken'; exit 6"))
                .hasMessageContaining("exit code 6: rank 0: port 9 is taken");
        String[] arguments = read("args-0").strip().split(" ", -1);
        Path ready = Path.of(arguments[List.of(arguments).indexOf("--ready-file") + 1]);
        assertThat(ready.getParent()).as("directory of the group").doesNotExist();
    }

    /** The script that finds and makes the environment, with a cache of its own. */
    private String script(String python, String... arguments) throws IOException, InterruptedException {
        List<String> command = Stream.concat(
                        Stream.of(
                                "bash", Path.of("torch/env.sh").toAbsolutePath().toString()),
                        Stream.of(arguments))
                .toList();
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("XDG_CACHE_HOME", scratch.resolve("cache").toString());
        builder.environment().put("PYTHON", python);
        builder.environment().remove("FOOTHOLD_TORCH_ENV");
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return process.waitFor() + " " + out;
    }

    @Test
    void anEnvironmentThatIsMissingOrCannotBeMadeIsToldWithTheRemedy() throws IOException, InterruptedException {
        assertThat(script("python3"))
                .startsWith("2 there is no environment for the torch backend (looked for " + scratch)
                .contains("run ./foothold torch install");
        Files.createDirectories(scratch.resolve("cache/foothold/torch-0123456789ab"));
        Files.createFile(scratch.resolve("cache/foothold/torch-0123456789ab/.complete"));
        assertThat(script("python3"))
                .contains("of other versions there are: " + scratch)
                .contains("torch-0123456789ab");
        assertThat(script("python-that-is-not-here", "--install"))
                .startsWith("2 no Python 3.11 or newer found (looked for python-that-is-not-here")
                .contains("Debian: apt-get install python3 python3-venv");
        Path old = scratch.resolve("old-python");
        Files.writeString(old, "#!/bin/sh\n[ \"$1\" = -V ] && { echo 'Python 3.9.1'; exit 0; }\nexit 1\n");
        assertThat(old.toFile().setExecutable(true)).isTrue();
        assertThat(script(old.toString(), "--install"))
                .startsWith("2 no Python 3.11")
                .contains("found: Python 3.9.1");
        assertThat(script("python3", "--gpus")).startsWith("2 unknown argument '--gpus'");
    }

    @Test
    void aDirectoryWithoutTheWorkerIsRefused() {
        assertThatThrownBy(() -> TorchEnvironment.find(scratch))
                .isInstanceOfSatisfying(
                        FootholdException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.INVALID_INPUT))
                .hasMessageContaining(scratch + " does not hold the torch worker");
    }

    @Test
    void whatTheScriptSaysIsTold() throws IOException {
        Files.writeString(scratch.resolve("env.sh"), "echo 'nothing is here: run it' >&2; exit 2\n");
        assertThatThrownBy(() -> TorchEnvironment.find(scratch))
                .hasMessage("learner.backend torch: nothing is here: run it");
        Files.writeString(scratch.resolve("env.sh"), "echo /some/bin/python\n");
        assertThat(TorchEnvironment.find(scratch).python()).isEqualTo(Path.of("/some/bin/python"));
    }
}
