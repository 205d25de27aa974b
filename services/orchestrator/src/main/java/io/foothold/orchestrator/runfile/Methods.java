package io.foothold.orchestrator.runfile;

import io.foothold.core.advantage.AdvantageEstimator;
import io.foothold.core.loss.LossRule;
import io.foothold.core.method.ChosenMethod;
import io.foothold.core.method.Method;
import io.foothold.core.method.Refilled;
import io.foothold.core.settings.RunSettings;

/** The rules of learning that a run file names, in the words of core. Thread-safe. */
public final class Methods {
    private final RunSettings settings;
    private final ChosenMethod chosen;
    private final Method own;
    private final Method plain;

    /** Those of a run file; a method that remembers does so for as long as this is used. */
    public Methods(RunFile file) {
        this.settings = file.settings();
        this.chosen = new ChosenMethod(settings);
        this.own = chosen.shaped(refilled(chosen.method()));
        this.plain = chosen.shaped(refilled(chosen.plain()));
    }

    /** How the places are filled that are the method's own, see {@link ChosenMethod#share}. */
    public Method own() {
        return own;
    }

    /** How all other places are filled. */
    public Method plain() {
        return plain;
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
        return own.fellBack();
    }

    /** What members of a group are compared by. */
    public AdvantageEstimator estimator() {
        return settings.estimator().estimator();
    }

    /** How credit becomes a loss; the correction for a sampler that is not the learner is apart. */
    public LossRule loss() {
        return settings.lossRule(chosen.trainsOffPolicy());
    }
}
