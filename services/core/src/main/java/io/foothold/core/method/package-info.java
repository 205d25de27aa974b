/**
 * Methods: how one place of an update is filled. A {@link io.foothold.core.method.Method} chooses where rollouts start, says which
 * of them are compared, and what each is rewarded with; it reads like the pseudo-code of its paper. Whatever it needs of the world it
 * asks of {@link io.foothold.core.method.Peers}, several things at once, so that they are made side by side. A method is pure: the
 * same answers give the same {@link io.foothold.core.method.Place}, so it can be enumerated, simulated and run on real services alike.
 */
@NullMarked
package io.foothold.core.method;

import org.jspecify.annotations.NullMarked;
