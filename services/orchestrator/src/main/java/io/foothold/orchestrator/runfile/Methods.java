package io.foothold.orchestrator.runfile;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.method.ChosenMethod;
import io.foothold.core.method.Method;
import io.foothold.core.method.Refilled;
import io.foothold.core.method.Reset;
import io.foothold.core.reset.LocalizerTrust;
import io.foothold.core.settings.ResetSettings;
import io.foothold.core.settings.RunSettings;

/** The rules of learning that a run file names, in the words of core. Thread-safe. */
public final class Methods {
    private final RunSettings settings;
    private final ChosenMethod chosen;
    private final LocalizerTrust trust;

    /** Those of a run file; resets remember how good their localizations were. */
    public Methods(RunFile file) {
        this.settings = file.settings();
        this.chosen = new ChosenMethod(settings);
        this.trust = new LocalizerTrust(settings.resets().localizing().minCleanShare());
    }

    /** How the places are filled that go through the reset flow. */
    public Method withResets() {
        ResetSettings resets = settings.resets();
        return refilled(
                new Reset(resets.split().split(), resets.onNoError(), resets.onUnparseable(), resets.offset(), trust));
    }

    /** How all other places are filled. */
    public Method withoutResets() {
        return refilled(chosen.method());
    }

    private Method refilled(Method inner) {
        int most = settings.sampling().refills();
        return most == 0 ? inner : new Refilled(inner, estimator(), most);
    }

    /** What the method says of itself. */
    public ChosenMethod chosen() {
        return chosen;
    }

    /** Whether the localizer was given up for thoughts at random. */
    public boolean fellBack() {
        return trust.lost();
    }

    /** What members of a group are compared by. */
    public AdvantageEstimator estimator() {
        return settings.estimator().estimator();
    }

    /** How credit becomes a loss; the correction for a sampler that is not the learner is apart. */
    public LossRule loss() {
        return settings.loss().rule(chosen.trainsOffPolicy());
    }
}
