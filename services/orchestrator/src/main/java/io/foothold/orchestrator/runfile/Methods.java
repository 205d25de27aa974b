package io.foothold.orchestrator.runfile;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.method.Hinted;
import io.foothold.core.method.Method;
import io.foothold.core.method.Plain;
import io.foothold.core.method.Refilled;
import io.foothold.core.method.Refinement;
import io.foothold.core.method.Reset;
import io.foothold.core.method.Revision;
import io.foothold.core.method.Tree;
import io.foothold.core.reset.LocalizerTrust;

/** The rules of learning that a run file names, in the words of core. Thread-safe. */
public final class Methods {
    private final RunFile file;
    private final LocalizerTrust trust;

    /** Those of a run file; resets remember how good their localizations were. */
    public Methods(RunFile file) {
        this.file = file;
        this.trust = new LocalizerTrust(file.number("resets.min_clean_share"));
    }

    /** How the places are filled that go through the reset flow. */
    public Method withResets() {
        return refilled(new Reset(
                file.split(),
                Reset.Instead.named(file.text("resets.on_no_error")),
                Reset.Instead.named(file.text("resets.on_unparseable")),
                file.count("resets.offset"),
                trust));
    }

    /** How all other places are filled. */
    public Method withoutResets() {
        int members = file.count("sampling.rollouts_per_group");
        if (file.hintsWhenWrong()) {
            return refilled(new Hinted(members));
        }
        String instruction = file.text("revision.prompt");
        if (!instruction.isEmpty()) {
            return refilled(
                    file.refines()
                            ? new Refinement(members, instruction)
                            : new Revision(members, instruction, file.number("revision.bonus")));
        }
        return refilled(
                file.branches().isEmpty()
                        ? new Plain(members)
                        : new Tree(file.branches(), file.count("tree.segment_tokens")));
    }

    private Method refilled(Method inner) {
        int most = file.count("sampling.refills");
        return most == 0 ? inner : new Refilled(inner, estimator(), most);
    }

    /** Whether the localizer was given up for thoughts at random. */
    public boolean fellBack() {
        return trust.lost();
    }

    /** What members of a group are compared by. */
    public AdvantageEstimator estimator() {
        return AdvantageEstimator.named(file.text("estimator.name"), file.count("estimator.k"));
    }

    /** How credit becomes a loss; the correction for a sampler that is not the learner is apart. */
    public LossRule loss() {
        boolean noRatio = file.text("loss.ratio").equals("none");
        return new LossRule(
                LossRule.Aggregation.named(file.text("loss.aggregation")),
                LossRule.Ratio.named(file.text("loss.ratio")),
                noRatio ? 0 : file.number("loss.clip_low"),
                noRatio ? 0 : file.number("loss.clip_high"),
                file.number("loss.dual_clip"),
                file.number("loss.kl_coefficient"),
                file.number("loss.entropy_coefficient"),
                file.count("loss.constant_length"),
                file.refines() ? file.number("loss.shaping") : 0);
    }
}
