/** Where rollouts begin, and how a mixture of beginnings is drawn. */
@NullMarked
package io.foothold.core.start;

import org.jspecify.annotations.NullMarked;
