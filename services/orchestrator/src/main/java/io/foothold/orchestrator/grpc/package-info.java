/** Runs over gRPC. */
@NullMarked
package io.foothold.orchestrator.grpc;

import org.jspecify.annotations.NullMarked;
