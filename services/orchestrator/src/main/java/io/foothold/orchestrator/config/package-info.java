/** Configuration of the service. */
@NullMarked
package io.foothold.orchestrator.config;

import org.jspecify.annotations.NullMarked;
