/** Which thought of a failed rollout is sampled again. */
@NullMarked
package io.foothold.localizer.thought;

import org.jspecify.annotations.NullMarked;
