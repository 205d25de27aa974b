/** The console in a real browser. */
@NullMarked
package io.foothold.orchestrator.console;

import org.jspecify.annotations.NullMarked;
