/** A decision problem small enough to enumerate, and what every learning rule's gradient is worth on it. */
@NullMarked
package io.foothold.core.bandit;

import org.jspecify.annotations.NullMarked;
