package io.foothold.core.problem;

/** What sort of answer a problem has. */
public enum ProblemKind {
    /** A mathematical expression, equal by value. */
    MATH,
    /** One or several letters of a multiple choice. */
    CHOICE,
    /** A plain number. */
    NUMERIC,
    /** Words, equal after normalisation. */
    TEXT,
    /** The exact text that the response has to end with. */
    EXACT,
    /** An expression that uses every given number once and reaches a target. */
    COUNTDOWN,
    /** A program, judged by tests. */
    CODE
}
