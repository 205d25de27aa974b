/**
 * The command line, and the all-in-one: every service in one process. Holds no logic of learning: it resolves what was asked,
 * starts what is needed and prints what came of it.
 */
@NullMarked
package io.foothold.cli;

import org.jspecify.annotations.NullMarked;
