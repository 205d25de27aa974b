package io.foothold.orchestrator.run;

import io.foothold.core.method.Method;
import io.foothold.core.method.Plain;
import io.foothold.core.method.Refinement;
import io.foothold.core.method.Reset;
import io.foothold.core.method.Revision;
import io.foothold.core.method.Tree;
import io.foothold.core.reset.LocalizerTrust;
import io.foothold.orchestrator.runfile.RunFile;

/** The methods that a run file names. Thread-safe. */
final class Methods {
    private final RunSpec spec;
    private final LocalizerTrust trust;

    Methods(RunSpec spec) {
        this.spec = spec;
        this.trust = new LocalizerTrust(spec.file().number("resets.min_clean_share"));
    }

    /** One group from the start state itself. */
    Method plain() {
        return new Plain(spec.rolloutsPerGroup());
    }

    /** The reset flow. */
    Method reset() {
        RunFile file = spec.file();
        return new Reset(
                spec.split(),
                Reset.Instead.named(file.text("resets.on_no_error")),
                Reset.Instead.named(file.text("resets.on_unparseable")),
                file.count("resets.offset"),
                trust);
    }

    /** A tree of segments. */
    Method tree() {
        return new Tree(spec.branches(), spec.segmentTokens());
    }

    /** Answers that are shown to the policy again. */
    Method revision() {
        RunFile file = spec.file();
        String instruction = file.text("revision.prompt");
        return spec.refines()
                ? new Refinement(spec.rolloutsPerGroup(), instruction)
                : new Revision(spec.rolloutsPerGroup(), instruction, file.number("revision.bonus"));
    }

    /** Whether the localizer was given up for thoughts at random. */
    boolean fellBack() {
        return trust.lost();
    }
}
