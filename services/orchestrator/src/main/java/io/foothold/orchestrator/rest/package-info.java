/** Runs over HTTP. */
@NullMarked
package io.foothold.orchestrator.rest;

import org.jspecify.annotations.NullMarked;
