package io.foothold.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What a shell offers behind our program, asked of the shells themselves. */
class CompletionTest {
    @TempDir
    Path directory;

    @BeforeEach
    void write() throws IOException {
        Files.writeString(directory.resolve("completion"), CompletionCommand.script());
        Files.writeString(directory.resolve("run.yaml"), "");
    }

    /** What bash would offer for the last word, as readline asks for it: the rule of the command's name, and the words. */
    private List<String> bash(String... words) throws Exception {
        return offered("bash", "--norc", "-c", """
                source ./completion || exit 3
                COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
                rule=$(complete -p "${1##*/}") || exit 4
                rule=${rule#*-F }
                compopt() { :; }  # readline's own
                ${rule%% *}
                printf '%s\\n' "${COMPREPLY[@]}"
                """, words);
    }

    /** What zsh makes of each line when the tabulator is pressed behind it, at a terminal. */
    private List<String> zsh(String... lines) throws Exception {
        assumeThat(Path.of("/usr/bin/zsh")).as("zsh is not installed here").exists();
        Files.writeString(directory.resolve("inner.zsh"), """
                PS1= ; setopt no_beep no_prompt_cr no_prompt_sp
                autoload -U +X compinit && compinit -u -D
                source ./completion
                tell() { zle complete-word; print -r -- "$BUFFER" >> told; zle kill-buffer }
                zle -N tell; bindkey '^I' tell
                print ready >> told
                """);
        return offered("/usr/bin/zsh", "-f", "-c", """
                zmodload zsh/zpty
                count() { [[ -e told ]] && wc -l < told || echo 0 }
                await() {
                  repeat 500 { (( $(count) >= $1 )) && return; sleep 0.02; zpty -r -t inner junk }
                  echo "nothing came of line $1"; exit 5
                }
                zpty -b inner zsh -f -i
                zpty -w inner 'source ./inner.zsh'
                await 1
                n=1
                for line; do zpty -w -n inner "$line"$'\t'; (( ++n )); await $n; done
                zpty -d inner
                sed 1d told
                """, lines);
    }

    private List<String> offered(String shell, String flag, String option, String script, String... words)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(shell, flag, option, script, shell));
        command.addAll(List.of(words));
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        return said.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
    }

    @Test
    void bashOffersCommandsOptionsNamesAndFiles() throws Exception {
        assertThat(bash("./foothold", "tr")).containsExactlyInAnyOrder("train", "triton");
        assertThat(bash("foothold", "bu")).containsExactly("build");
        assertThat(bash("/opt/foothold/foothold", "problems", "")).contains("generate", "import", "mine");
        assertThat(bash("./foothold", "train", "--dr")).containsExactly("--dry-run");
        assertThat(bash("./foothold", "train", "ru")).containsExactly("run.yaml");
        assertThat(bash("./foothold", "train", "--home", "comp")).containsExactly("completion");
        assertThat(bash("./foothold", "serve", "pol")).containsExactly("policy-server");
        assertThat(bash("./foothold", "study", "")).containsExactlyInAnyOrder("pope", "resets");
        assertThat(bash("./foothold", "verify", "--kind", "co")).containsExactlyInAnyOrder("code", "countdown");
        assertThat(bash("./foothold", "problems", "import", "--recipe", "mmlu")).containsExactly("mmlu-pro");
        assertThat(bash("./foothold", "score", "--precision", "")).containsExactlyInAnyOrder("exact", "fast");
        assertThat(bash("./foothold", "study", "--wor")).as("a hidden option").isEmpty();
    }

    @Test
    void zshCompletesThemInTheLine() throws Exception {
        assertThat(zsh(
                        "./foothold trai",
                        "foothold bui",
                        "/opt/foothold/foothold problems gen",
                        "./foothold train --dr",
                        "./foothold train ru",
                        "./foothold train --home comp",
                        "./foothold serve pol",
                        "./foothold problems import --recipe mmlu"))
                .containsExactly(
                        "./foothold train",
                        "foothold build",
                        "/opt/foothold/foothold problems generate",
                        "./foothold train --dry-run",
                        "./foothold train run.yaml",
                        "./foothold train --home completion",
                        "./foothold serve policy-server",
                        "./foothold problems import --recipe mmlu-pro");
    }

    @Test
    void otherShellsAreRefusedByName() {
        CommandLine line = new CommandLine(new Main());
        line.setExecutionExceptionHandler((failure, command, result) -> {
            assertThat(failure).hasMessageContaining("unknown shell 'zhs'").hasMessageContaining("zsh");
            return 2;
        });
        assertThat(line.execute("completion", "zhs")).isEqualTo(2);
    }

    @Test
    void whatTheLauncherDoesIsOfferedToo() throws IOException {
        String launcher = Files.readString(Documents.ROOT.resolve("foothold"));
        CompletionCommand.OF_THE_LAUNCHER.keySet().forEach(name -> assertThat(launcher)
                .containsPattern("(?m)^ +" + name + "\\)"));
    }
}
