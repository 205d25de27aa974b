/** Which policy: versions and the digests that name them. */
@NullMarked
package io.foothold.core.policy;

import org.jspecify.annotations.NullMarked;
