/** What is drawn from, by name. */
@NullMarked
package io.foothold.contracts.draw;

import org.jspecify.annotations.NullMarked;
