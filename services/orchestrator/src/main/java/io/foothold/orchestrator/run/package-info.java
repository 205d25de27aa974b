/** Runs: reserve, route, admit, train, publish, evaluate, resume. */
@NullMarked
package io.foothold.orchestrator.run;

import org.jspecify.annotations.NullMarked;
