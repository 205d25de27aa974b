package io.foothold.cli.demo;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.FileRoots;
import io.foothold.cli.report.Evaluations;
import io.foothold.cli.report.Progress;
import io.foothold.cli.report.Report;
import io.foothold.orchestrator.run.RunManager;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * POPE beside GRPO on dial problems that the shipped policy never solves, with as many sampled rollouts for each.
 *
 * @param home directory of ledger, checkpoints and completions
 * @param report directory of the report
 * @param seed of everything random
 * @param port of the services
 */
public record DialDemo(Path home, Path report, long seed, int port) {
    private static final int POOL = 128;
    private static final int TEST = 64;
    private static final int SAMPLES = 16;
    private static final int UPDATES = 100;
    private static final int ROLLOUTS_PER_UPDATE = 96;

    /**
     * Runs it, all services in this process; gives the exit code.
     *
     * @param ci a smaller version, and 1 unless medium pass@1 at least doubles
     */
    public int run(boolean ci) throws Exception {
        Map<String, String> engine = Map.of(
                "foothold.policy-server.model",
                Workspace.dialPolicy().toString(),
                "foothold.policy-server.deterministic",
                "true");
        return AllInOne.run(home, port, FileRoots.with(engine, home, List.of()), runs -> ci ? small(runs) : full(runs));
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
        Report done = new Report(Report.DIAL_TITLE, List.of(grpo, pope), Report.HARD_TEXT);
        done.write(report);
        System.out.print(done.table());
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
        Report done = new Report(Report.DIAL_TITLE, List.of(grpo, pope), Report.CI_TEXT);
        done.write(report);
        System.out.print(done.table());
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
