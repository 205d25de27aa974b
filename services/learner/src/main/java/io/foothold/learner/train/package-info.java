/** Credit, optimizer steps, checkpoints and policy versions. */
@NullMarked
package io.foothold.learner.train;

import org.jspecify.annotations.NullMarked;
