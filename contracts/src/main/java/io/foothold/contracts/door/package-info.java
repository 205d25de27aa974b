/** Who may call a service: tokens and what they open, what we show to our peers, and where a service may listen. */
@NullMarked
package io.foothold.contracts.door;

import org.jspecify.annotations.NullMarked;
