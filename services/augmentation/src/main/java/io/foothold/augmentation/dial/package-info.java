/**
 * Generated families: the dial, whose difficulty is the number of mirrors, and the dial with jumps, whose difficulty is where
 * the jumps stand, and two dials, whose easy problems help or contradict the hard ones; and the sloppy authors whose style the base
 * policies imitate.
 */
@NullMarked
package io.foothold.augmentation.dial;

import org.jspecify.annotations.NullMarked;
