package io.foothold.cli;

import io.foothold.cli.reference.PresetExperiments;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.core.bandit.EstimatorTable;
import io.foothold.core.random.Seeds;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Prints what every preset's gradient is worth where the true one is known. */
@Command(
        name = "verify-estimator",
        mixinStandardHelpOptions = true,
        description = "Bias and variance of every preset's gradient on problems that can be enumerated, as a table.")
final class VerifyEstimatorCommand implements Callable<Integer> {
    /** Trials and seed of the table in docs/methods.md. */
    static final int TRIALS = 10_000;

    static final long SEED = 1;

    @Option(names = "--trials", description = "Updates of each method (default: ${DEFAULT-VALUE}).")
    private int trials = TRIALS;

    @Option(names = "--seed", description = "Seed (default: ${DEFAULT-VALUE}).")
    private long seed = SEED;

    @Override
    public Integer call() {
        if (trials < 100) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "--trials must be at least 100, got " + trials);
        }
        System.out.print(table(trials, Seeds.of(seed)));
        return 0;
    }

    /** Every shipped preset, then rules one at a time, as a Markdown table. */
    static String table(int trials, Seeds seed) {
        StringBuilder out = new StringBuilder(
                "| method | gradient of | cosine | bias | bias by chance | noise |\n|---|---|---|---|---|---|\n");
        for (EstimatorTable.Row r : PresetExperiments.table(trials, seed)) {
            out.append(String.format(
                    Locale.ROOT,
                    "| %s | %s | %.3f | %.3f | %.3f | %.1f |%n",
                    r.method(),
                    r.target(),
                    r.cosine(),
                    r.bias(),
                    r.floor(),
                    r.noise()));
        }
        return out.toString();
    }
}
