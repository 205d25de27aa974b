package io.foothold.verifier.code;

/**
 * What came of one test.
 *
 * @param status how it ended
 * @param millis wall time
 * @param detail what was printed or complained of, shortened
 */
public record TestResult(Status status, long millis, String detail) {
    /** How a test can end. */
    public enum Status {
        /** Right. */
        PASSED,
        /** Another output, another value, or an assertion that does not hold. */
        WRONG,
        /** The program ended with an error. */
        RUNTIME_ERROR,
        /** Longer than the stated time. */
        TIME_LIMIT,
        /** More than the stated memory. */
        MEMORY_LIMIT,
        /** More processes than it may have. */
        PROCESS_LIMIT,
        /** More output than it may give. */
        OUTPUT_LIMIT,
        /** Not run, because an earlier test met the time limit; counts as failed. */
        NOT_RUN
    }
}
