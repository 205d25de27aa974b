/** Advantages inside a group. */
@NullMarked
package io.foothold.core.advantage;

import org.jspecify.annotations.NullMarked;
