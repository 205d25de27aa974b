package io.foothold.cli.study;

import com.fasterxml.jackson.databind.JsonNode;
import io.foothold.augmentation.dial.Dial;
import io.foothold.augmentation.dial.TwoDials;
import io.foothold.cli.machine.Workspace;
import io.foothold.cli.process.AllInOne;
import io.foothold.cli.process.FileRoots;
import io.foothold.cli.report.Report;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * POPE beside its rivals on {@link TwoDials}, where every rival has a gradient: the base solves a hard problem about once in 500, or once in
 * 5,000, and easy problems share the hard skill, do not touch it, or contradict it.
 */
final class PopeStudy implements Study {
    private static final String OFTEN = "two-dials";
    private static final String RARE = "two-dials-rare";
    private static final String GRPO = "grpo-dial";
    private static final String POPE = "pope-dial";
    /** Hard problems of a pool, whatever is mixed in. */
    private static final int HARD = 80;

    /** What the paper falls back to, below a quarter of the solution, is nothing at all of three terse thoughts. */
    private static final String LONGEST = "prefix_search.fallback=longest";

    private static final int TEST = 32;
    private static final int SAMPLES = 16;
    private static final int COSINE_PROBLEMS = 128;
    private static final int COSINE_SEED = 77;

    private static final String GUIDANCE = "Guidance, hard pass@1 about 2e-3";
    private static final String RARE_PANEL = "Guidance, hard pass@1 about 2e-4";
    private static final String EASY = "Easy problems mixed in";
    private static final String WARM = "Warm starts";
    private static final String OBJECTIVES = "Other objectives";

    private static final List<Arm> ARMS = List.of(
            arm("grpo", "hard problems only", GUIDANCE, OFTEN, GRPO, "", 70),
            arm(
                    "pope",
                    "half of the groups behind the shortest terse prefix that works",
                    GUIDANCE,
                    OFTEN,
                    POPE,
                    "",
                    50,
                    LONGEST),
            arm("hard + turns", "as many easy ones without the skill", EASY, OFTEN, GRPO, "turns", 50, groups(24)),
            arm("hard + shared", "as many easy ones with the skill", EASY, OFTEN, GRPO, "shared", 30, groups(24)),
            arm("hard + conflict", "a sixth of the problems contradict", EASY, OFTEN, GRPO, "conflict", 60),
            arm(
                    "pope + turns",
                    "as many easy ones without the skill",
                    EASY,
                    OFTEN,
                    POPE,
                    "turns",
                    50,
                    LONGEST,
                    groups(24)),
            arm(
                    "pope + shared",
                    "as many easy ones with the skill",
                    EASY,
                    OFTEN,
                    POPE,
                    "shared",
                    30,
                    LONGEST,
                    groups(24)),
            arm("pope + conflict", "a sixth of the problems contradict", EASY, OFTEN, POPE, "conflict", 60, LONGEST),
            arm(
                    "pass@4",
                    "GRPO, weights of pass@4 less their mean",
                    OBJECTIVES,
                    OFTEN,
                    GRPO,
                    "",
                    70,
                    "estimator.name=pass_at_k",
                    "estimator.k=4"),
            arm(
                    "pass@4, no baseline",
                    "the same weights themselves",
                    OBJECTIVES,
                    OFTEN,
                    GRPO,
                    "",
                    70,
                    "estimator.name=pass_at_k_plain",
                    "estimator.k=4"),
            arm(
                    "entropy 1e-3",
                    "GRPO, entropy bonus",
                    OBJECTIVES,
                    OFTEN,
                    GRPO,
                    "",
                    70,
                    "loss.entropy_coefficient=1e-3"),
            warm("warm own", "fine-tuned on own-style solutions, 5 passes, then GRPO", "two-dials", 5, 30),
            warm("warm terse", "fine-tuned on terse solutions, 20 passes, then GRPO", "two-dials-terse", 20, 50),
            arm(
                    "oracle traces",
                    "one of a group's eight members is the terse oracle solution, with its ratio",
                    OBJECTIVES,
                    OFTEN,
                    GRPO,
                    "",
                    70,
                    "loss.name=ppo",
                    "oracle_traces.given=1"),
            warm(
                    "warm traces",
                    "fine-tuned on answers that passed behind terse prefixes, 5 passes, then GRPO",
                    "two-dials-terse",
                    5,
                    50,
                    "sft.from=guided_traces",
                    "sft.samples=8",
                    LONGEST),
            clipped("clip .2", ".2"),
            clipped("clip-higher .6", ".6"),
            arm("grpo, rare", "hard problems only", RARE_PANEL, RARE, GRPO, "", 100),
            arm(
                    "pope, rare",
                    "guided, 16 rollouts a candidate",
                    RARE_PANEL,
                    RARE,
                    POPE,
                    "",
                    60,
                    LONGEST,
                    "prefix_search.rollouts=16"));

    private static Arm arm(
            String name,
            String about,
            String panel,
            String base,
            String preset,
            String mix,
            int updates,
            String... settings) {
        return new Arm(
                name, about, panel, base, mix, seed -> runFile(preset, base, mix, updates, seed), List.of(settings));
    }

    private static Arm clipped(String name, String high) {
        return arm(
                name,
                "GRPO, ratios clipped, two passes of two steps",
                OBJECTIVES,
                OFTEN,
                GRPO,
                "",
                70,
                "loss.ratio=token",
                "loss.clip_low=.2",
                "loss.clip_high=" + high,
                "optimizer.groups_per_step=6",
                "optimizer.epochs=2");
    }

    private static Arm warm(String name, String about, String family, int epochs, int updates, String... more) {
        return arm(
                        name,
                        about,
                        WARM,
                        OFTEN,
                        GRPO,
                        "",
                        updates,
                        "problems.train.family=" + family,
                        "sft.epochs=" + epochs,
                        "sft.solutions_per_step=32",
                        "sft.learning_rate=3e-4")
                .with(List.of(more));
    }

    private static String groups(int groups) {
        return "sampling.groups_per_update=" + groups;
    }

    /** Easy problems in the share that the paper's curves need: a sixth that contradicts is enough, of the others there are as many. */
    private static String level(String mix) {
        return switch (mix) {
            case "" -> "hard";
            case "conflict" -> "hard:5+conflict:1";
            default -> "hard+" + mix;
        };
    }

    private static int problems(String mix) {
        return switch (mix) {
            case "" -> HARD;
            case "conflict" -> HARD / 5 * 6;
            default -> 2 * HARD;
        };
    }

    private static String runFile(String preset, String base, String mix, int updates, long seed) {
        String easy = mix.isEmpty()
                ? ""
                : "    easy-test: {family: two-dials, level: " + mix + ", count: " + TEST + ", seed: 1, split: test}\n";
        return String.format(
                Locale.ROOT,
                """
                method: %s
                seed: %d
                updates: %d
                policy: {base: %s}
                problems:
                  train: {family: two-dials-terse, level: "%s", count: %d, seed: %d, split: train}
                  evaluate:
                    hard-test: {family: two-dials, level: hard, count: %d, seed: 1, split: test}
                %sprompts:
                  root: "%s"
                  guided: "%s"
                  thought_delimiter: "%s"
                evaluation: {every: 10, samples: %d, oracle_problems: 0}
                checkpoint: {every: 1000, keep: 1}
                """,
                preset,
                seed,
                updates,
                Workspace.policy(base),
                level(mix),
                problems(mix),
                10 + seed,
                TEST,
                easy,
                Dial.ROOT_TEMPLATE,
                Dial.GUIDED_TEMPLATE.replace("\n", "\\n"),
                Dial.DELIMITER.replace("\n", "\\n"),
                SAMPLES);
    }

    @Override
    public String name() {
        return "pope";
    }

    @Override
    public String title() {
        return "POPE and its rivals on two dials";
    }

    @Override
    public String text() {
        return """
                A dial, and a gauge on which a leap goes one mark further. The hard problems are six leaps on the dial; the base lands one mark \
                too far on a leap most of the time, and passes a hard problem about once in 500 (or, called rare, once in 5,000), so that \
                every rival has a gradient. Oracle solutions are terse: every second thought is left out, a style that the base reads and has never \
                written. Easy problems have the hard skill, do not touch it, or contradict it: on the gauge the base's slip is right. \
                What this can show: how the mix, the objective and guidance bear on take-off, seed by seed, with search counted. What it \
                cannot: the deficit is designed, all leaps share one habit, and nothing about large models follows.""";
    }

    @Override
    public List<Arm> arms() {
        return ARMS;
    }

    @Override
    public List<String> quick() {
        return List.of(
                "grpo",
                "pope",
                "hard + shared",
                "hard + conflict",
                "pope + conflict",
                "warm own",
                "warm terse",
                "pass@4");
    }

    @Override
    public int seeds() {
        return 5;
    }

    @Override
    public Yardstick yardstick() {
        return new Yardstick("grpo", "hard-test", Cost.ROLLOUTS, .5, 1);
    }

    @Override
    public List<Claim> claims() {
        return PopeSigns.ALL;
    }

    @Override
    public Map<String, Base> beside(List<Arm> arms, Path home) {
        Map<String, Base> out = new LinkedHashMap<>();
        List<Arm> mixed = arms.stream().filter(a -> !a.mix().isEmpty()).toList();
        if (mixed.isEmpty()) {
            return out;
        }
        try (BaseGradients gradients = new BaseGradients(Workspace.policy(OFTEN), TwoDials.VOCABULARY)) {
            float[] hard = gradient(gradients, "hard", COSINE_SEED);
            double ceiling = BaseGradients.cosine(hard, gradient(gradients, "hard", COSINE_SEED + 1));
            for (Arm arm : mixed) {
                double cosine = BaseGradients.cosine(hard, gradient(gradients, arm.mix(), COSINE_SEED + 1));
                String text = String.format(
                        Locale.ROOT,
                        "cosine of the base's gradients on hard and %s %+.2f (on other hard ones %+.2f)",
                        arm.mix(),
                        cosine,
                        ceiling);
                out.put(arm.name(), new Base(text, cosine));
            }
        }
        return out;
    }

    /**
     * Beside warm starts the share of unguided answers in the base's own style, before the first update and at the end: a thought a move, from
     * the first. Beside all arms what {@link Spans} has of their updates.
     */
    @Override
    public Map<String, Double> measured(Arm arm, Path run, List<JsonNode> updates) {
        Map<String, Double> out = new LinkedHashMap<>(Spans.of(updates));
        if (arm.panel().equals(WARM)) {
            out.put("own style, after SFT", ownStyle(run, false));
            out.put("own style, at the end", ownStyle(run, true));
        }
        return out;
    }

    private double ownStyle(Path run, boolean atTheEnd) {
        List<Report.Sample> samples = Report.beforeAndAfter(run, yardstick().set(), TEST).stream()
                .filter(s -> s.title().endsWith("after training") == atTheEnd)
                .toList();
        return samples.stream().filter(s -> s.response().startsWith(" (1)")).count()
                / (double) Math.max(1, samples.size());
    }

    private static float[] gradient(BaseGradients gradients, String level, long seed) {
        return gradients.of(TwoDials.problems(level, COSINE_PROBLEMS, seed, "train", TwoDials.Oracle.OWN));
    }

    @Override
    public void withServices(Path home, List<Arm> arms, AllInOne.Job job) throws Exception {
        var unused = AllInOne.run(
                home,
                AllInOne.freePort(),
                FileRoots.with(
                        Map.of(
                                "foothold.policy-server.model",
                                Workspace.policy(OFTEN).toString(),
                                "foothold.policy-server.deterministic",
                                "true"),
                        home,
                        List.of()),
                job);
    }
}
