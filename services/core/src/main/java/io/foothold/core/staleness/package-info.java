/** How far the learner may run ahead of rollouts that are under way. */
@NullMarked
package io.foothold.core.staleness;

import org.jspecify.annotations.NullMarked;
