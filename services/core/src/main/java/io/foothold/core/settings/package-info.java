/**
 * The settings of a run, as records. Each component says what it may hold, in which unit, what it is for and where it comes from; the keys
 * of a run file, their checks, the schema for editors and the reference page follow from that.
 */
@NullMarked
package io.foothold.core.settings;

import org.jspecify.annotations.NullMarked;
