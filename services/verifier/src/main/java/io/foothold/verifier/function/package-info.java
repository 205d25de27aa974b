/**
 * Judges responses by a function of the user: {@code score(problem, response)} of a Python file that comes with the work. A function is loaded
 * by processes in the sandbox, which answer batches of calls over pipes ({@link io.foothold.verifier.function.RewardFunctions}); one that
 * hangs, dies or prints without end is replaced, and only the call that it was at has no verdict.
 */
@NullMarked
package io.foothold.verifier.function;

import org.jspecify.annotations.NullMarked;
