/** The edge: proto in, domain out. */
@NullMarked
package io.foothold.verifier.grpc;

import org.jspecify.annotations.NullMarked;
