package io.foothold.cli.study;

import io.foothold.cli.demo.ResetDemo;
import io.foothold.cli.process.AllInOne;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** RRPO and SRPO beside GRPO and their controls on the dial with jumps: the reset demo, over several seeds. */
final class ResetStudy implements Study {
    private static final String SPREAD = "spread";

    private static final List<Claim> CLAIMS = List.of(
            new Claim(
                    "SRPO needs fewer tokens than GRPO",
                    "late errors, self-recompute localizer, tokens to .75",
                    new Claim.Beside("srpo", "grpo", Claim.Measure.COST_TO_THRESHOLD, false)),
            new Claim(
                    "A reset to a random thought needs fewer tokens than GRPO, too (RRPO)",
                    "late errors, tokens to .75",
                    new Claim.Beside("rrpo", "grpo", Claim.Measure.COST_TO_THRESHOLD, false)),
            new Claim(
                    "The policy's own localization is better than a random thought",
                    "late errors, tokens to .75",
                    new Claim.Beside("srpo", "rrpo", Claim.Measure.COST_TO_THRESHOLD, false)),
            new Claim(
                    "The first wrong thought is a better place than a fixed early one",
                    "late errors, oracle localizer beside always move 8, tokens to .75",
                    new Claim.Beside("oracle", "early8", Claim.Measure.COST_TO_THRESHOLD, false)),
            new Claim(
                    "SRPO needs fewer tokens than GRPO",
                    "errors anywhere, where a reset skips less of the chain; pass@1 at the same tokens",
                    new Claim.Beside("srpo, spread", "grpo, spread", Claim.Measure.AT_EQUAL_COST, true)),
            new Claim(
                    "Resets help large models on real mathematics",
                    "a designed deficit of a tiny policy says nothing about that",
                    new Claim.Untestable()));

    @Override
    public String name() {
        return "resets";
    }

    @Override
    public String title() {
        return "Resets and their controls on the dial with jumps";
    }

    @Override
    public String text() {
        return """
                Sixteen moves, three of them named jumps that the base gets wrong most of the time; every mark must be right. On the \
                late problems the jumps stand among the last six moves, on the spread ones anywhere. Every sampled token is \
                counted: seeds, draws that found no failure, localization, suffixes. What this can show: whether resets pay where \
                errors sit late and the localizer is good. What it cannot: the deficit is designed and the base was taught to \
                restate marks truly; nothing about large models follows.""";
    }

    @Override
    public List<Arm> arms() {
        return ResetDemo.arms().stream().map(ResetStudy::arm).toList();
    }

    private static Arm arm(ResetDemo.Arm arm) {
        return new Arm(
                arm.name(),
                arm.preset() + (arm.settings().isEmpty() ? "" : ": " + String.join(", ", arm.settings())),
                arm.level().equals(SPREAD) ? "Errors anywhere" : "Late errors",
                arm.base(),
                "",
                seed -> ResetDemo.runFile(arm, seed, TEST),
                arm.settings());
    }

    /** Name of the evaluation set, the same for all levels so that arms can be compared. */
    private static final String TEST = "test";

    @Override
    public List<String> quick() {
        return List.of("grpo", "srpo", "oracle", "rrpo");
    }

    @Override
    public int seeds() {
        return 5;
    }

    @Override
    public Yardstick yardstick() {
        return new Yardstick("grpo", TEST, Cost.TOKENS, .75, 3);
    }

    @Override
    public List<Claim> claims() {
        return CLAIMS;
    }

    @Override
    public Map<String, Base> beside(List<Arm> arms, Path home) {
        return Map.of();
    }

    @Override
    public void withServices(Path home, List<Arm> arms, AllInOne.Job job) throws Exception {
        var unused = ResetDemo.withServices(home, ResetDemo.arms(), AllInOne.freePort(), job);
    }
}
