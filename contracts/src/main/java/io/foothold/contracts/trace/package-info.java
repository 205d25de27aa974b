/** OpenTelemetry traces that go through calls and streams alike; off unless a process is configured to tell somebody. */
@NullMarked
package io.foothold.contracts.trace;

import org.jspecify.annotations.NullMarked;
