/** Verdicts and the named rules that turn them into rewards. */
@NullMarked
package io.foothold.core.verdict;

import org.jspecify.annotations.NullMarked;
