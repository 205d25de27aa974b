/**
 * The keys of a run file, as components of records say them: what a value may be, in which unit, what it is for and where it comes from.
 * Every feature that has settings declares them by this, and knows no other feature's.
 */
@NullMarked
package io.foothold.core.keys;

import org.jspecify.annotations.NullMarked;
