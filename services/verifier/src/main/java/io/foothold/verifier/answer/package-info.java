/** Extraction of answers from responses, and equality of answers by kind. */
@NullMarked
package io.foothold.verifier.answer;

import org.jspecify.annotations.NullMarked;
