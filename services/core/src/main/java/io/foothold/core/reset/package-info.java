/** Resets: which failed rollouts become seeds, and how good the thoughts are that localizers name (RRPO/SRPO). */
@NullMarked
package io.foothold.core.reset;

import org.jspecify.annotations.NullMarked;
