/** The search for i*(x), the shortest prefix of an oracle solution that makes success possible. */
@NullMarked
package io.foothold.core.search;

import org.jspecify.annotations.NullMarked;
