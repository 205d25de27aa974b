package io.foothold.cli;

import io.foothold.cli.demo.DialDemo;
import io.foothold.cli.demo.RealDemo;
import io.foothold.cli.demo.ResetDemo;
import io.foothold.cli.process.AllInOne;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** POPE beside GRPO on problems that the base policy never solves. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description =
                "Trains the shipped policy on problems it cannot solve, with POPE and with GRPO, and writes a report.")
final class DemoCommand implements Callable<Integer> {
    @Option(names = "--seed", description = "Seed of everything random (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--report", description = "Directory of report.html and report.json (default: ${DEFAULT-VALUE}).")
    private Path report = Path.of("foothold-report");

    @Option(
            names = "--home",
            description = "Directory of ledger, checkpoints and completions (default: a new one under foothold-home).")
    private Path home = Path.of("foothold-home", "demo-" + System.currentTimeMillis());

    @Option(
            names = "--resets",
            description = "The other demo: RRPO and SRPO beside GRPO and their controls, compared by sampled tokens.")
    private boolean resets;

    @Option(
            names = "--real",
            description =
                    "A real model instead: SmolLM2-135M-Instruct by the example smollm2-grpo.yaml. Fetches the model first, once; "
                            + "exit code 3 where it cannot be had.")
    private boolean real;

    @Option(
            names = "--arm",
            paramLabel = "NAME",
            description =
                    "With --resets: runs this arm only; repeatable. Beside those of the demo there are grpo-dynamic, "
                            + "grpo-decay, srpo-decay, srpo-noise-25, srpo-noise-50; these, grpo, srpo and oracle with "
                            + "', last mark' behind, where slips that cancel pass; and, with a base that corrects itself "
                            + "now and then, 'grpo, restating', 'srpo, restating', 'oracle, restating', 'rrpo, restating'.")
    private List<String> arms = new ArrayList<>();

    @Option(
            names = "--ci",
            description =
                    "A smaller version; exit code 1 unless held-out medium pass@1 at least doubles, or with --resets "
                            + "SRPO's pass@1 reaches a half. With --real the same run, which must go from .30 at most to .45 at "
                            + "least with nine of ten answers ended.")
    private boolean ci;

    @Option(
            names = "--console",
            description = "Prints the address at which a browser shows the runs as long as the demo lasts.")
    private boolean console;

    @Override
    public Integer call() throws Exception {
        long start = System.nanoTime();
        if (!arms.isEmpty() && (!resets || ci)) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "--arm needs --resets, without --ci");
        }
        if (real && resets) {
            throw new FootholdException(ErrorCode.INVALID_INPUT, "--real and --resets are two demos: choose one");
        }
        List<ResetDemo.Arm> chosen = ResetDemo.named(arms);
        int port = AllInOne.freePort();
        if (console) {
            System.out.println(AllInOne.consoleAt(port));
        }
        int code = real
                ? new RealDemo(home, report, seed, ci, port).run()
                : resets
                        ? ResetDemo.run(home, report, seed, chosen, ci, port)
                        : new DialDemo(home, report, seed, port).run(ci);
        if (code == RealDemo.NO_MODEL) {
            return code;
        }
        System.out.printf(
                Locale.ROOT,
                "report: %s%n",
                report.resolve("report.html").toAbsolutePath().normalize());
        System.out.printf(Locale.ROOT, "total %.0f s%n", (System.nanoTime() - start) / 1e9);
        return code;
    }
}
