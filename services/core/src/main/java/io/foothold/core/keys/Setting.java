package io.foothold.core.keys;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A component of a record of settings: a key of a run file. The key is the component's name in lower snake case, below the record's
 * {@link Section}. Types of components:
 *
 * <pre>
 * String                               a text, or one of {@link #words}
 * boolean                              true or false
 * int, long, double                    a number from {@link #from} or above {@link #above} to {@link #to} or below {@link #below}
 * OptionalInt, OptionalDouble          the same, or the word auto: empty
 * an enum                              one of its constants, in lower case
 * List of String                       names with commas between them; the word auto, where it is the fall-back, is the empty list
 * List of a record                     a list of mappings
 * Map of String to a record            a mapping by names of the user's, each with the keys of the record
 * Map of String to String              a mapping by {@link #keys}, whose help has the key in place of {key}
 * a record                             a mapping; {@link Inline} keeps its keys beside the others
 * </pre>
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Setting {
    /** The fall-back of what must be given. */
    String REQUIRED = "\0";

    /** The word for a value that follows from others. */
    String AUTO = "auto";

    /** Largest count of what is held in memory at once. */
    double AT_ONCE = 100_000;

    /** Largest count of anything else, below the largest 32-bit number. */
    double COUNTED = 1_000_000_000;

    /** Largest sum of counts over a whole run. */
    double SUMMED = 1e15;

    /** Largest weight, coefficient, norm, or count of thoughts. */
    double WEIGHT = 1_000_000;

    /** What it is for, in a sentence. Of a mapping: what stands before the help of each of its keys. */
    String help() default "";

    /** Where it comes from: paper and equation or section. */
    String source() default "";

    /** The value where nothing gives one. */
    String fallback() default REQUIRED;

    /** The only values that a text may have. */
    String[] words() default {};

    /** A class with a constructor without arguments whose list is {@link #words}. */
    Class<? extends Words> among() default Words.class;

    /** The keys of a map of texts. */
    String[] keys() default {};

    /** The least number. */
    double from() default Double.NaN;

    /** The number that it must be above. */
    double above() default Double.NaN;

    /** The largest number. */
    double to() default Double.NaN;

    /** The number that it must be below. */
    double below() default Double.NaN;

    /** What a number counts or measures. */
    String unit() default "";

    /** A whole name that the key had in an earlier version, and that still means it. */
    String formerly() default "";

    /** Whether it says on what a run is computed and not what: a run may go on with another value. */
    boolean ofMachine() default false;

    /** Words that are known when the program runs. */
    interface Words {
        /** All of them, in order. */
        java.util.List<String> words();
    }
}
