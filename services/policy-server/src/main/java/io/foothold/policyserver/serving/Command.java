package io.foothold.policyserver.serving;

import io.foothold.contracts.error.FootholdException;
import io.foothold.policy.GenerationEngine;
import java.util.function.Consumer;

/** What the engine's thread does between two calls. */
interface Command {
    void run(GenerationEngine engine);

    /** Instead of it, when the engine has ended. */
    void refused(FootholdException ended);

    /** A command that nobody waits for. */
    static Command of(Consumer<GenerationEngine> what) {
        return new Command() {
            @Override
            public void run(GenerationEngine engine) {
                what.accept(engine);
            }

            @Override
            public void refused(FootholdException ended) {}
        };
    }
}
