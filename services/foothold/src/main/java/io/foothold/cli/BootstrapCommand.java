package io.foothold.cli;

import io.foothold.cli.demo.Bootstrap;
import io.foothold.cli.terminal.Words;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Makes the base policy. */
@Command(
        name = "bootstrap",
        mixinStandardHelpOptions = true,
        description = "Makes the base policy of a generated family from nothing; a few minutes on one core.")
final class BootstrapCommand implements Callable<Integer> {
    /** The families that have a base. */
    static final class Families extends Words {
        Families() {
            super(Bootstrap.families());
        }
    }

    @Option(names = "--out", required = true, description = "Directory to write (Hugging Face layout).")
    private Path out = Path.of("policy");

    @Option(names = "--seed", description = "Seed (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--family",
            completionCandidates = Families.class,
            description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private String family = "dial";

    @Option(names = "--steps", description = "Optimizer steps; 0 takes those of the shipped base.")
    private int steps;

    @Override
    public Integer call() {
        Bootstrap.run(family, out, seed, steps, System.out);
        return 0;
    }
}
