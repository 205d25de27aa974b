/** The life of a rollout: reserved, sampled, verified, admitted, and exactly one end. */
@NullMarked
package io.foothold.core.ledger;

import org.jspecify.annotations.NullMarked;
