/** The processes of a run: all services in this one, services as children, what they may read, and a rehearsal in them. */
@NullMarked
package io.foothold.cli.process;

import org.jspecify.annotations.NullMarked;
