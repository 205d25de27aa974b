package io.foothold.cli;

import io.foothold.cli.terminal.Words;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;

/** What makes a shell complete our commands. */
@Command(
        name = "completion",
        mixinStandardHelpOptions = true,
        description =
                "Prints what makes bash or zsh complete commands, options, names and files behind foothold and ./foothold: "
                        + "source <(./foothold completion).")
final class CompletionCommand implements Callable<Integer> {
    private static final List<String> SHELLS = List.of("bash", "zsh");

    /** What the launcher does by itself. */
    static final Map<String, String> OF_THE_LAUNCHER = Map.of(
            "build", "Builds the program.",
            "test", "Builds and tests everything.",
            "jdk", "Prints the JDK that it found.",
            "native", "Makes native executables.");

    /** The shells. */
    static final class Shells extends Words {
        Shells() {
            super(SHELLS);
        }
    }

    @Parameters(
            paramLabel = "SHELL",
            arity = "0..1",
            completionCandidates = Shells.class,
            description = "${COMPLETION-CANDIDATES} (default: bash); the script is one that both read.")
    private String shell = "bash";

    @Override
    public Integer call() {
        if (!SHELLS.contains(shell)) {
            throw new FootholdException(
                    ErrorCode.INVALID_INPUT, "unknown shell '" + shell + "'" + Nearest.hint(shell, SHELLS));
        }
        System.out.print(script());
        return 0;
    }

    /** A shell looks its rules up by a command's last part, so that one name serves every path to it. */
    static String script() {
        CommandLine whole = new CommandLine(new Main());
        OF_THE_LAUNCHER.forEach((name, what) -> {
            CommandSpec command = CommandSpec.create();
            command.usageMessage().description(what);
            whole.addSubcommand(name, command);
        });
        return AutoComplete.bash("foothold", whole);
    }
}
