package io.foothold.cli;

import io.foothold.cli.machine.Workspace;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The Python environment of the learner's torch backend. */
@Command(
        name = "torch",
        mixinStandardHelpOptions = true,
        description = "Makes the Python environment of the learner's torch backend (learner.backend: torch).",
        subcommands = {TorchCommand.Install.class})
final class TorchCommand implements Callable<Integer> {
    @Override
    public Integer call() {
        throw new FootholdException(ErrorCode.INVALID_INPUT, "torch needs a command: install");
    }

    /** Makes it. */
    @Command(
            name = "install",
            mixinStandardHelpOptions = true,
            description =
                    "Makes the environment where it is missing, with the versions of services/learner/torch/requirements.txt from PyPI: "
                            + "several minutes, about 6 GB. It needs Python 3.11 or newer with venv (PYTHON names one). Exit code 2: it "
                            + "could not be made; the reason is told.")
    static final class Install implements Callable<Integer> {
        @Option(names = "--gpu", description = "Refuses an environment whose torch sees no CUDA device.")
        private boolean gpu;

        @Option(
                names = "--venv",
                paramLabel = "DIR",
                description =
                        "Where it is made, an empty directory or none (default: in ~/.cache/foothold, which else has a link to it).")
        private @Nullable Path venv;

        @Override
        public Integer call() throws IOException, InterruptedException {
            List<String> command = new ArrayList<>(
                    List.of("bash", Workspace.torchPackage().resolve("env.sh").toString(), "--install"));
            if (gpu) {
                command.add("--gpu");
            }
            if (venv != null) {
                command.addAll(
                        List.of("--venv", venv.toAbsolutePath().normalize().toString()));
            }
            return new ProcessBuilder(command).inheritIO().start().waitFor();
        }
    }
}
