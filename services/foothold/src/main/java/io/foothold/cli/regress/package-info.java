/** Regression runs: suites of runs whose numbers must pass gates. */
@NullMarked
package io.foothold.cli.regress;

import org.jspecify.annotations.NullMarked;
