/** What theory says of resets, made countable: signal per token of a chain, and conservative policy iteration with resets. */
@NullMarked
package io.foothold.core.theory;

import org.jspecify.annotations.NullMarked;
