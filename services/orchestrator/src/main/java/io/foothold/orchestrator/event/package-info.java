/** Events of runs, through SmallRye Reactive Messaging. */
@NullMarked
package io.foothold.orchestrator.event;

import org.jspecify.annotations.NullMarked;
