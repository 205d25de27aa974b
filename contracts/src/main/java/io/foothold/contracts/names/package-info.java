/** Names that come from outside, and the paths that are made of them. */
@NullMarked
package io.foothold.contracts.names;

import org.jspecify.annotations.NullMarked;
