package io.foothold.core.method;

import io.foothold.core.keys.SettingsException;
import io.foothold.core.settings.RunSettings;
import java.util.OptionalDouble;

/**
 * A method as a run file knows it: the settings that it has, what asks for it, and what it is made of. A class that implements this, has a
 * constructor without arguments and is annotated {@code @AutoService(MethodKind.class)} is found when the program runs: its keys are
 * keys of run files then, and nothing else names it. A run file asks for one at most; without any, places are filled by {@link Plain}.
 *
 * @param <S> its settings, see {@link io.foothold.core.keys.Setting}
 */
public interface MethodKind<S extends Record> {
    /** The record of its settings. */
    Class<S> settings();

    /** The key by which a run file asks for it, with the value where only one does: {@code tree.branches}. */
    String asking();

    /** Whether a run file with these settings asks for it. */
    boolean isAsked(S own);

    /**
     * Checks what must fit, whether it is asked for or not.
     *
     * @param run all settings
     * @throws SettingsException for the first that does not
     */
    default void check(S own, RunSettings run) {}

    /** The method itself; {@link Refilled} is put around it where the run fills silent places again. */
    Method method(S own, RunSettings run);

    /** Share of an update's places that it fills, from 0 to 1; {@link Plain} fills the others. */
    default double share(S own) {
        return 1;
    }

    /** Whether it asks a localizer. */
    default boolean localizes() {
        return false;
    }

    /** Whether it trains rollouts under another prompt than they were sampled with, so that the loss needs shaping. */
    default boolean trainsOffPolicy(S own) {
        return false;
    }

    /** Whether it trains oracle solutions, so that every training problem must have one. */
    default boolean givesSolutions(S own) {
        return false;
    }

    /** A prompt of its own that holds an earlier response; empty where it has none. */
    default String instruction(S own) {
        return "";
    }

    /** Weight of a revision's success beside that of its answer, in the gradient that it follows; empty where it follows pass@1. */
    default OptionalDouble revisionWeight(S own) {
        return OptionalDouble.empty();
    }

    /** Whether the members of its groups have the rewards of their own verdicts, so that their lengths may shape them. */
    default boolean hasOwnRewards(S own) {
        return true;
    }

    /** Whether it decides itself which places that are drawn guided start so. */
    default boolean choosesHints() {
        return false;
    }
}
