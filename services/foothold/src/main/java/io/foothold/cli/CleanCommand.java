package io.foothold.cli;

import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Deletes what runs left. */
@Command(
        name = "clean",
        mixinStandardHelpOptions = true,
        description =
                "Deletes the demo directories of a home directory; with --all the whole directory, runs included.")
final class CleanCommand implements Callable<Integer> {
    @Option(names = "--home", description = "The directory (default: ${DEFAULT-VALUE}).")
    private Path home = Path.of("foothold-home");

    @Option(names = "--all", description = "Deletes runs, checkpoints and ledger too.")
    private boolean all;

    @Override
    public Integer call() {
        if (!Files.isDirectory(home)) {
            System.out.println("nothing to delete: " + home.toAbsolutePath() + " does not exist");
            return 0;
        }
        try {
            if (all) {
                delete(home);
            } else {
                try (Stream<Path> entries = Files.list(home)) {
                    for (Path p : entries.filter(e -> e.getFileName().toString().startsWith("demo-"))
                            .toList()) {
                        delete(p);
                    }
                }
            }
        } catch (IOException e) {
            throw new FootholdException(ErrorCode.STORAGE, "cannot delete in " + home + ": " + e.getMessage(), e);
        }
        return 0;
    }

    private static void delete(Path tree) throws IOException {
        try (Stream<Path> entries = Files.walk(tree)) {
            for (Path p : entries.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(p);
            }
        }
        System.out.println("deleted " + tree);
    }
}
