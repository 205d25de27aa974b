/** Rows of data sets in files: which are wanted, and which belong to a benchmark. */
@NullMarked
package io.foothold.cli.rows;

import org.jspecify.annotations.NullMarked;
