/** Digests that services tell each other. */
@NullMarked
package io.foothold.contracts.digest;

import org.jspecify.annotations.NullMarked;
