package io.foothold.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.orchestrator.run.RunManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
    private static final int POOL = 128;
    private static final int TEST = 64;
    private static final int SAMPLES = 16;
    private static final int UPDATES = 100;
    private static final int ROLLOUTS_PER_UPDATE = 96;
    private static final double CI_PASS = 0.5;

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
        int code = real
                ? new RealDemo(home, report, seed, ci).run()
                : resets
                        ? resets(chosen)
                        : AllInOne.run(
                                home,
                                AllInOne.freePort(),
                                FileRoots.with(
                                        Map.of(
                                                "foothold.policy-server.model",
                                                Workspace.dialPolicy().toString(),
                                                "foothold.policy-server.deterministic",
                                                "true"),
                                        home,
                                        List.of()),
                                runs -> ci ? small(runs) : full(runs));
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

    private int resets(List<ResetDemo.Arm> chosen) throws Exception {
        int frozenPort = AllInOne.freePort();
        try (Child frozen = Child.start(
                "policy-server",
                frozenPort,
                Heap.OF_CHILD,
                Map.of(
                        "foothold.policy-server.model",
                        Workspace.policy("dial-jumps").toString()),
                home)) {
            frozen.awaitReady();
            Map<String, String> settings = FileRoots.with(ResetDemo.engine(frozenPort, chosen), home, List.of());
            return AllInOne.run(home, AllInOne.freePort(), settings, runs -> {
                ResetReport done = ci
                        ? new ResetDemo(runs, seed, ResetDemo.Size.CI).run(ResetDemo.CI_ARMS)
                        : new ResetDemo(runs, seed, ResetDemo.Size.FULL).run(chosen);
                done.write(report);
                System.out.print(done.table());
                if (!ci) {
                    return 0;
                }
                double end = Evaluations.passAt1(done.runs().get(0).last());
                System.out.printf(
                        Locale.ROOT,
                        "srpo pass@1 %.3f after %,d sampled tokens: %s%n",
                        end,
                        ResetDemo.Size.CI.tokens(),
                        end >= CI_PASS ? "at least a half" : "LESS than a half");
                return end >= CI_PASS ? 0 : 1;
            });
        }
    }

    private int full(RunManager runs) throws InterruptedException {
        Report.RunSummary pope = run(
                runs,
                "pope",
                DialRuns.yaml(
                        "pope-dial", seed, Workspace.dialPolicy(), "hard", POOL, "hard", TEST, SAMPLES, UPDATES, 20));
        // GRPO gets POPE's search rollouts on top, rounded up to whole updates.
        long extra = (pope.searchRollouts() + ROLLOUTS_PER_UPDATE - 1) / ROLLOUTS_PER_UPDATE;
        Report.RunSummary grpo = run(
                runs,
                "grpo",
                DialRuns.yaml(
                        "grpo-dial",
                        seed,
                        Workspace.dialPolicy(),
                        "hard",
                        POOL,
                        "hard",
                        TEST,
                        SAMPLES,
                        UPDATES + extra,
                        60));
        Report report = new Report(Report.DIAL_TITLE, List.of(grpo, pope), Report.HARD_TEXT);
        report.write(this.report);
        System.out.print(report.table());
        return 0;
    }

    private int small(RunManager runs) throws InterruptedException {
        Report.RunSummary grpo = run(
                runs,
                "grpo",
                DialRuns.yaml("grpo-dial", seed, Workspace.dialPolicy(), "medium", 128, "medium", 48, 8, 12, 12));
        Report.RunSummary pope = run(
                runs,
                "pope",
                DialRuns.yaml("pope-dial", seed, Workspace.dialPolicy(), "hard", 24, "hard", 16, 4, 4, 4));
        Report report = new Report(Report.DIAL_TITLE, List.of(grpo, pope), Report.CI_TEXT);
        report.write(this.report);
        System.out.print(report.table());
        List<JsonNode> medium = grpo.evaluations();
        double before = Evaluations.passAt1(medium.get(0));
        double after = Evaluations.passAt1(medium.get(medium.size() - 1));
        boolean doubled = after >= 2 * before && after > 0;
        System.out.printf(
                Locale.ROOT,
                "medium pass@1 %.3f -> %.3f over %d samples: %s%n",
                before,
                after,
                medium.get(0).path("samples").asLong(),
                doubled ? "at least doubled" : "NOT doubled");
        return doubled ? 0 : 1;
    }

    private Report.RunSummary run(RunManager runs, String method, String yaml) throws InterruptedException {
        String id = method + "-seed" + seed;
        long start = System.nanoTime();
        runs.create(id, yaml, List.of());
        List<JsonNode> evaluations = new Progress(runs, System.out).finished(id);
        double seconds = (System.nanoTime() - start) / 1e9;
        return Report.RunSummary.of(runs, id, method, seed, evaluations, seconds, Report.samples(runs.homeOf(id)));
    }
}
