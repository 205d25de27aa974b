package io.foothold.core.method;

import java.util.OptionalInt;

/** What a localizer says of a failed rollout. */
public sealed interface Localization {

    /**
     * The first wrong thought.
     *
     * @param step one-based
     * @param firstError the first that differs from the oracle solution, where the two were compared
     * @param effectiveDeviation signed number of thoughts of some length between the two; 0 without {@code firstError}
     */
    record Step(int step, OptionalInt firstError, int effectiveDeviation) implements Localization {}

    /** No thought is wrong. */
    record NoError() implements Localization {}

    /** Its answer cannot be read. */
    record Unparseable(String answer) implements Localization {}

    /**
     * It could not do its work.
     *
     * @param refused whether it would refuse every other rollout too
     */
    record Failed(RuntimeException failure, boolean refused) implements Localization {}
}
