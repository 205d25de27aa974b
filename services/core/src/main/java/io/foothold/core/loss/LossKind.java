package io.foothold.core.loss;

import io.foothold.core.keys.SettingsException;

/**
 * A loss as a run file knows it. A class that implements this, has a constructor without arguments and is annotated
 * {@code @AutoService(LossKind.class)} is found when the program runs: its name is a value of {@code loss.name} then, its settings are
 * keys of run files, and nothing else names it.
 *
 * @param <S> its settings, see {@link io.foothold.core.keys.Setting}; {@link None} where it has none
 */
public interface LossKind<S extends Record> {
    /** No settings of its own. */
    record None() {}

    /** Its name, in lower snake case. */
    String name();

    /** What it was called in earlier versions, when losses were told apart by their ratio; empty for those that are younger. */
    default String formerly() {
        return "";
    }

    /** The record of its own settings. */
    Class<S> settings();

    /** Whether {@code loss.clip_low} and {@code loss.clip_high} mean anything to it. */
    boolean clips();

    /** Whether {@code loss.dual_clip} does. */
    default boolean clipsDually() {
        return clips();
    }

    /**
     * Whether what tells it from others shows only where ratios are not 1: after the first step of an update, or on rollouts of older
     * weights.
     */
    default boolean needsRatiosToMove() {
        return false;
    }

    /**
     * Checks what of its settings must fit together.
     *
     * @throws SettingsException for the first that does not
     */
    default void check(S own) {}

    /** The loss itself. */
    PolicyLoss loss(S own, Clips clips);
}
