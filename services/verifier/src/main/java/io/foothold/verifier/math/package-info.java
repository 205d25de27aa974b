/** Mathematical answers: typed values, and when two of them are equal. Pure; knows nothing of responses. */
@org.jspecify.annotations.NullMarked
package io.foothold.verifier.math;
