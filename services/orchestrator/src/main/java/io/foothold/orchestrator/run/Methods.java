package io.foothold.orchestrator.run;

import io.foothold.core.method.Method;
import io.foothold.core.method.Plain;
import io.foothold.core.method.Refilled;
import io.foothold.core.method.Refinement;
import io.foothold.core.method.Reset;
import io.foothold.core.method.Revision;
import io.foothold.core.method.Tree;
import io.foothold.core.reset.LocalizerTrust;
import io.foothold.orchestrator.runfile.RunFile;

/** The methods that a run file asks for. Thread-safe. */
final class Methods {
    private final RunSpec spec;
    private final LocalizerTrust trust;
    private final Method others;

    Methods(RunSpec spec) {
        this.spec = spec;
        this.trust = new LocalizerTrust(spec.file().number("resets.min_clean_share"));
        this.others = refilled(withoutResets());
    }

    /** How the place of that number is filled. */
    Method of(long number) {
        return spec.resets(number) ? refilled(reset()) : others;
    }

    /** Whether the localizer was given up for thoughts at random. */
    boolean fellBack() {
        return trust.lost();
    }

    private Method refilled(Method inner) {
        return spec.refills() == 0 ? inner : new Refilled(inner, spec.estimator(), spec.refills());
    }

    private Method reset() {
        RunFile file = spec.file();
        return new Reset(
                spec.split(),
                Reset.Instead.named(file.text("resets.on_no_error")),
                Reset.Instead.named(file.text("resets.on_unparseable")),
                file.count("resets.offset"),
                trust);
    }

    private Method withoutResets() {
        int members = spec.rolloutsPerGroup();
        RunFile file = spec.file();
        if (spec.revises()) {
            String instruction = file.text("revision.prompt");
            return spec.refines()
                    ? new Refinement(members, instruction)
                    : new Revision(members, instruction, file.number("revision.bonus"));
        }
        return spec.branches().isEmpty() ? new Plain(members) : new Tree(spec.branches(), spec.segmentTokens());
    }
}
