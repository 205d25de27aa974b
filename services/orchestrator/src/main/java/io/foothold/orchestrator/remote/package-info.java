/** The other services, over credited streams. */
@NullMarked
package io.foothold.orchestrator.remote;

import org.jspecify.annotations.NullMarked;
