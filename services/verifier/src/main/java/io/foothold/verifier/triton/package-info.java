/**
 * Judges responses by a reward model behind a server with Triton's protocol ({@link io.foothold.verifier.triton.RewardModels}): responses that come within
 * a few milliseconds go together in one call, as many as the model takes.
 */
@NullMarked
package io.foothold.verifier.triton;

import org.jspecify.annotations.NullMarked;
