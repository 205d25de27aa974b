/** The edge: Triton's gRPC protocol in, commands out. */
@NullMarked
package io.foothold.policyserver.grpc;

import org.jspecify.annotations.NullMarked;
