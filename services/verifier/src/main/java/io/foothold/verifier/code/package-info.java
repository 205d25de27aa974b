/** Verification of programs: what a response's code prints or returns, found out in a sandbox. */
@NullMarked
package io.foothold.verifier.code;

import org.jspecify.annotations.NullMarked;
