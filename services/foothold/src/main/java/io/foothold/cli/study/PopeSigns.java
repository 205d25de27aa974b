package io.foothold.cli.study;

import java.util.List;
import java.util.Locale;

/** What the paper on POPE (arXiv 2601.18779) says of it and its rivals, and how {@link PopeStudy} looks for it. */
final class PopeSigns {
    /** One line of the report each. */
    static final List<Claim> ALL = List.of(
            new Claim(
                    "Hard problems alone give no signal: GRPO stands still",
                    "the base passes once in 500, so that rivals can be compared; GRPO has to end below .05 for this sign",
                    new Claim.Ends("grpo", .05, false)),
            new Claim(
                    "What is learned behind guidance carries over to the prompt without it",
                    "POPE's unguided pass@1 on held-out hard problems ends above one half on every seed",
                    new Claim.Ends("pope", .5, true)),
            new Claim(
                    "POPE reaches more than GRPO",
                    "same rollouts, search counted, once in 500",
                    new Claim.Beside("pope", "grpo", Claim.Measure.AT_EQUAL_COST, true)),
            new Claim(
                    "POPE reaches more than GRPO",
                    "same rollouts, search counted, once in 5,000",
                    new Claim.Beside("pope, rare", "grpo, rare", Claim.Measure.AT_EQUAL_COST, true)),
            new Claim(
                    "Easy problems beside hard ones end below hard ones alone (ray interference)",
                    "easy problems that contradict the hard skill, same rollouts",
                    new Claim.Beside("hard + conflict", "grpo", Claim.Measure.AT_EQUAL_COST, false)),
            new Claim(
                    "Easy problems beside hard ones end below hard ones alone (ray interference)",
                    "easy problems that share the hard skill, same rollouts",
                    new Claim.Beside("hard + shared", "grpo", Claim.Measure.AT_EQUAL_COST, false)),
            new Claim(
                    "Easy problems beside hard ones end below hard ones alone (ray interference)",
                    "easy problems that do not touch the hard skill, same rollouts",
                    new Claim.Beside("hard + turns", "grpo", Claim.Measure.AT_EQUAL_COST, false)),
            new Claim(
                    "Guidance withstands easy problems",
                    "a sixth of the problems contradict: POPE with them is above hard ones with them, same rollouts",
                    new Claim.Beside("pope + conflict", "hard + conflict", Claim.Measure.AT_EQUAL_COST, true)),
            new Claim(
                    "Guidance withstands easy problems",
                    "as many easy problems that do not touch the hard skill: POPE with them ends above one half on every seed",
                    new Claim.Ends("pope + turns", .5, true)),
            new Claim(
                    "Fine-tuning on whole oracle solutions, then RL, ends far below RL",
                    "solutions in a style that the base cannot carry out, 20 passes; same rollouts",
                    new Claim.Beside("warm terse", "grpo", Claim.Measure.AT_EQUAL_COST, false)),
            new Claim(
                    "Fine-tuning on whole oracle solutions, then RL, ends far below RL",
                    "solutions in the base's own style, 5 passes; same rollouts",
                    new Claim.Beside("warm own", "grpo", Claim.Measure.AT_EQUAL_COST, false)),
            new Claim(
                    "Fine-tuning on accepted guided traces, then RL, does not collapse",
                    "terse prefixes in front, 5 passes: the laboratory called it a lottery that the base's style decides",
                    new Claim.Ends("warm traces", .5, true)),
            new Claim(
                    "Fine-tuning on accepted guided traces, then RL, stays below RL",
                    "terse prefixes in front, 5 passes; same rollouts, search and traces counted",
                    new Claim.Beside("warm traces", "grpo", Claim.Measure.AT_EQUAL_COST, false)),
            new Claim(
                    "The pass@k objective is slower and ends lower",
                    "pass@4 in groups of 8",
                    new Claim.Beside("pass@4", "grpo", Claim.Measure.END, false)),
            new Claim(
                    "The pass@k objective solves no more problems",
                    "pass@4 in groups of 8; pass@16",
                    new Claim.NotHigher("pass@4", "grpo", Claim.Measure.PASS_AT_16)),
            new Claim(
                    "The pass@k objective is slower and ends lower",
                    "pass@4 in groups of 8, without a baseline",
                    new Claim.Beside("pass@4, no baseline", "grpo", Claim.Measure.END, false)),
            new Claim(
                    "An entropy bonus does not help",
                    "1e-3; the base's slip is a near-tie whose runner-up is right, so flattening helps by construction",
                    new Claim.NotHigher("entropy 1e-3", "grpo", Claim.Measure.AT_EQUAL_COST)),
            new Claim(
                    "A higher upper clip does not help",
                    ".6 beside .2, four optimizer steps an update",
                    new Claim.NotHigher("clip-higher .6", "clip .2", Claim.Measure.AT_EQUAL_COST)),
            new Claim(
                    "Guidance that must not be restated transfers less",
                    "all moves share one skill here, and guided answers never restate: a restated one earns nothing of its own",
                    new Claim.Untestable()),
            new Claim(
                    "Training on solutions off-policy fails",
                    "a terse solution among a group's members, ratio to a behaviour of probability 1; what blows up in the paper is not known",
                    new Claim.Beside("oracle traces", "grpo", Claim.Measure.END, false)),
            earlier("GRPO learns the hard problems", new Claim.Ends("grpo", .9, true)),
            earlier("POPE takes off where the base passes once in 5,000", new Claim.Ends("pope, rare", .5, true)),
            earlier("Imitating terse solutions 20 times over ruins the base", new Claim.Ends("warm terse", .05, false)),
            earlier("Imitating own-style solutions does not", new Claim.Ends("warm own", .7, true)),
            earlier("A sixth of contradicting problems is enough", new Claim.Ends("hard + conflict", .05, false)),
            earlier("Easy problems with the skill help", new Claim.Ends("hard + shared", .8, true)),
            cosine("hard + shared", true),
            cosine("hard + turns", true),
            cosine("hard + conflict", false));

    private PopeSigns() {}

    /** What no paper says, and held in every run of an earlier program with another model of this task. */
    private static Claim earlier(String what, Claim.Ends look) {
        return new Claim(
                what + " (a laboratory's, not the paper's)",
                String.format(
                        Locale.ROOT,
                        "%s ends %s %.2f on every seed",
                        look.arm(),
                        look.above() ? "above" : "at or below",
                        look.bound()),
                look);
    }

    private static Claim cosine(String arm, boolean positive) {
        return new Claim(
                "The base's gradients tell which easy problems hurt (a laboratory's, not the paper's)",
                arm + ": gradients on hard and on easy problems point "
                        + (positive ? "the same way" : "against each other"),
                new Claim.Cosine(arm, positive));
    }
}
