package io.foothold.cli;

import io.foothold.cli.machine.Workspace;
import io.foothold.cli.reference.References;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Makes the reference pages. */
@Command(
        name = "reference",
        mixinStandardHelpOptions = true,
        description =
                "Prints the reference pages: run file, commands, errors, metrics, and the run file's JSON Schema for editors.")
final class ReferenceCommand implements Callable<Integer> {
    @Option(names = "--write", paramLabel = "DIR", description = "Writes them as files of this directory instead.")
    private Optional<Path> directory = Optional.empty();

    @Override
    public Integer call() {
        References.pages(new CommandLine(new Main()))
                .forEach((name, text) -> directory.ifPresentOrElse(
                        to -> Workspace.write(to.resolve(name), text), () -> System.out.println(text)));
        return 0;
    }
}
