/** Seeded chance, split by purpose and id. */
@NullMarked
package io.foothold.core.random;

import org.jspecify.annotations.NullMarked;
