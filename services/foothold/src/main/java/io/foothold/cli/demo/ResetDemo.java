package io.foothold.cli.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.common.collect.ImmutableList;
import io.foothold.cli.machine.Heap;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.Child;
import io.foothold.cli.process.FileRoots;
import io.foothold.cli.report.Evaluations;
import io.foothold.cli.report.Progress;
import io.foothold.cli.report.ResetReport;
import io.foothold.contracts.error.ErrorCode;
import io.foothold.contracts.error.FootholdException;
import io.foothold.contracts.error.Nearest;
import io.foothold.orchestrator.run.RunManager;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** GRPO, RRPO and SRPO beside their controls on the dial with jumps, compared by sampled tokens. */
public final class ResetDemo {
    private static final int POOL = 2048;
    private static final int TEST = 64;
    private static final double CI_PASS = 0.5;

    /**
     * How much is spent on each run.
     *
     * @param tokens sampled tokens of training: seeds, redraws, localization and suffixes count
     * @param everyTokens between evaluations
     * @param samples of a test problem
     */
    private record Size(long tokens, long everyTokens, int samples) {
        private static final Size FULL = new Size(42_000, 3_000, 3);
        private static final Size CI = new Size(15_000, 5_000, 3);
    }

    /**
     * A method.
     *
     * @param name as in the report
     * @param preset that it starts from
     * @param base its base policy
     * @param family of its problems
     * @param settings that make it what it is
     */
    public record Arm(String name, String preset, String base, String family, String level, List<String> settings) {
        /** With the settings that the sweep on these problems found (see the policy's README). */
        static Arm grpo(String name, String level, String... settings) {
            return new Arm(
                    name,
                    GRPO,
                    JUMPS,
                    TRACED,
                    level,
                    with(settings, "sampling.groups_per_update=2", "optimizer.learning_rate=4e-4"));
        }

        /** With the settings that the sweep on these problems found. */
        static Arm srpo(String name, String level, String... settings) {
            return new Arm(name, SRPO, JUMPS, TRACED, level, with(settings, "sampling.groups_per_update=1"));
        }

        private static List<String> with(String[] settings, String... tuned) {
            return ImmutableList.<String>builder().add(tuned).add(settings).build();
        }

        /** On late problems that are right by their last mark alone, also where two slips cancel. */
        static Arm lastMark(String name, String preset, String... settings) {
            return new Arm(name + ", last mark", preset, JUMPS, JUMPS, "late", List.of(settings));
        }

        /** The same with the base policy that corrects itself now and then. */
        static Arm restating(String name, String preset, String... settings) {
            return new Arm(name + ", restating", preset, RESTATING, RESTATING, "late", List.of(settings));
        }
    }

    private static final String JUMPS = "dial-jumps";
    private static final String TRACED = "dial-traced";
    private static final String RESTATING = "dial-restating";
    private static final String SRPO = "srpo-jumps";
    private static final String GRPO = "grpo-jumps";
    private static final String[] DECAY = {
        "optimizer.schedule=linear", "optimizer.warmup_steps=5", "optimizer.total_steps=80", "optimizer.final_share=0.1"
    };

    static final List<Arm> ARMS = List.of(
            Arm.grpo("grpo", "late"),
            Arm.srpo("srpo", "late"),
            Arm.srpo("srpo-frozen", "late", "localizer.policy=frozen"),
            Arm.srpo("oracle", "late", "resets.localizer=oracle"),
            Arm.srpo("early8", "late", "resets.localizer=early", "resets.early_thought=8"),
            Arm.srpo("early11", "late", "resets.localizer=early", "resets.early_thought=11"),
            Arm.srpo("rrpo", "late", "resets.localizer=random"),
            Arm.grpo("grpo, spread", "spread"),
            Arm.srpo("srpo, spread", "spread"));

    /** What was left out of the demo: asked for by name. */
    static final List<Arm> VARIANTS = List.of(
            Arm.grpo("grpo-dynamic", "late", "sampling.refills=3"),
            Arm.grpo("grpo-decay", "late", DECAY),
            Arm.srpo("srpo-decay", "late", DECAY),
            Arm.srpo("srpo-noise-25", "late", "resets.noise=0.25"),
            Arm.srpo("srpo-noise-50", "late", "resets.noise=0.5"),
            Arm.lastMark("grpo", GRPO),
            Arm.lastMark("srpo", SRPO),
            Arm.lastMark("oracle", SRPO, "resets.localizer=oracle"),
            Arm.lastMark("grpo-dynamic", GRPO, "sampling.refills=3"),
            Arm.lastMark("grpo-decay", GRPO, DECAY),
            Arm.lastMark("srpo-decay", SRPO, DECAY),
            Arm.lastMark("srpo-noise-25", SRPO, "resets.noise=0.25"),
            Arm.lastMark("srpo-noise-50", SRPO, "resets.noise=0.5"),
            Arm.restating("grpo", GRPO),
            Arm.restating("srpo", SRPO),
            Arm.restating("oracle", SRPO, "resets.localizer=oracle"),
            Arm.restating("rrpo", SRPO, "resets.localizer=random"));

    /**
     * The arms of these names, in the order asked for; the demo's when there is none.
     *
     * @throws FootholdException {@link ErrorCode#INVALID_INPUT} for a name that no arm has
     */
    public static List<Arm> named(List<String> names) {
        if (names.isEmpty()) {
            return ARMS;
        }
        Map<String, Arm> all = new LinkedHashMap<>();
        ARMS.forEach(a -> all.put(a.name(), a));
        VARIANTS.forEach(a -> all.put(a.name(), a));
        return names.stream()
                .map(name -> {
                    Arm arm = all.get(name);
                    if (arm == null) {
                        throw new FootholdException(
                                ErrorCode.INVALID_INPUT,
                                "--arm '" + name + "'" + Nearest.hint(name, List.copyOf(all.keySet())));
                    }
                    return arm;
                })
                .toList();
    }

    /** What the small version runs. */
    private static final List<Arm> CI_ARMS = ARMS.subList(1, 2);

    private final RunManager runs;
    private final long seed;
    private final Size size;

    private ResetDemo(RunManager runs, long seed, Size size) {
        this.runs = runs;
        this.seed = seed;
        this.size = size;
    }

    /**
     * Runs arms, all services but one in this process: a policy server of the policy as it was is another. Gives the exit code.
     *
     * @param home directory of ledger, checkpoints and completions
     * @param report directory of the report
     * @param seed of everything random
     * @param chosen the arms of the whole demo
     * @param ci a smaller version with SRPO only, and 1 unless its pass@1 reaches a half
     * @param port of the services
     */
    public static int run(Path home, Path report, long seed, List<Arm> chosen, boolean ci, int port) throws Exception {
        return withServices(home, chosen, port, runs -> {
            ResetReport done = ci
                    ? new ResetDemo(runs, seed, Size.CI).run(CI_ARMS)
                    : new ResetDemo(runs, seed, Size.FULL).run(chosen);
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
                    Size.CI.tokens(),
                    end >= CI_PASS ? "at least a half" : "LESS than a half");
            return end >= CI_PASS ? 0 : 1;
        });
    }

    /**
     * Runs a job with what these arms need. Gives its exit code.
     *
     * @param home directory of ledger, checkpoints and completions
     * @param port of the services
     */
    public static int withServices(Path home, List<Arm> arms, int port, AllInOne.Job job) throws Exception {
        int frozenPort = AllInOne.freePort();
        try (Child frozen = Child.start(
                "policy-server",
                frozenPort,
                Heap.OF_CHILD,
                Map.of("foothold.policy-server.model", Workspace.policy(JUMPS).toString()),
                home)) {
            frozen.awaitReady();
            Map<String, String> settings = FileRoots.with(engine(frozenPort, arms), home, List.of());
            return AllInOne.run(home, port, settings, job);
        }
    }

    /** The arms of the demo. */
    public static List<Arm> arms() {
        return ARMS;
    }

    /**
     * The run file of an arm of the whole demo.
     *
     * @param set name of its evaluation set
     */
    public static String runFile(Arm arm, long seed, String set) {
        return runFile(arm, seed, set, Size.FULL);
    }

    private ResetReport run(List<Arm> arms) throws InterruptedException {
        List<ResetReport.Run> done = new ArrayList<>();
        for (Arm arm : arms) {
            done.add(run(arm));
        }
        return new ResetReport(done, size.tokens());
    }

    private ResetReport.Run run(Arm arm) throws InterruptedException {
        String id = arm.name().replaceAll("[^a-z0-9]+", "-") + "-seed" + seed;
        long start = System.nanoTime();
        runs.create(id, runFile(arm, seed, arm.level() + "-test", size), arm.settings());
        List<JsonNode> evaluations = new Progress(runs, System.out, false).finished(id);
        Path home = runs.homeOf(id);
        return new ResetReport.Run(
                arm.name(),
                seed,
                evaluations,
                (System.nanoTime() - start) / 1e9,
                runs.ledger().audit(id),
                ResetReport.firstReset(home),
                ResetReport.suffixes(home));
    }

    private static String runFile(Arm arm, long seed, String set, Size size) {
        return String.format(
                Locale.ROOT,
                """
                method: %s
                seed: %d
                updates: 100000
                max_training_tokens: %d
                policy: {base: %s}
                problems:
                  train: {family: %s, level: %s, count: %d, seed: %d, split: train}
                  evaluate:
                    %s: {family: %s, level: %s, count: %d, seed: %d, split: test}
                evaluation: {every_tokens: %d, samples: %d}
                checkpoint: {every: 50, keep: 1}
                """,
                arm.preset(),
                seed,
                size.tokens(),
                Workspace.policy(arm.base()),
                arm.family(),
                arm.level(),
                POOL,
                30 + seed,
                set,
                arm.family(),
                arm.level(),
                TEST,
                1000 + seed,
                size.everyTokens(),
                size.samples());
    }

    /** Settings of the engine and of the sampler that asks the frozen policy; who restates needs longer sequences. */
    private static Map<String, String> engine(int frozenPort, List<Arm> arms) {
        return Map.of(
                "foothold.policy-server.max-length",
                arms.stream().allMatch(a -> a.base().equals(JUMPS)) ? "112" : "176",
                "foothold.policy-server.model",
                Workspace.policy(JUMPS).toString(),
                "foothold.policy-server.deterministic",
                "true",
                "foothold.sampler.frozen-endpoints",
                "127.0.0.1:" + frozenPort);
    }
}
