/** Intervals and summaries of evaluation results. */
@NullMarked
package io.foothold.core.stats;

import org.jspecify.annotations.NullMarked;
