/** What came of runs, for people: a line of progress, and pages of HTML with curves. */
@NullMarked
package io.foothold.cli.report;

import org.jspecify.annotations.NullMarked;
