/** From start states to rollouts: retries that never duplicate, thoughts cut at decoded bytes. */
@NullMarked
package io.foothold.sampler.rollout;

import org.jspecify.annotations.NullMarked;
