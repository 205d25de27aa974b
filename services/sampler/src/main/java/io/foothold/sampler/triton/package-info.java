/** A client of Triton's gRPC protocol: endpoints, streams, the tensor contract of the policy model. */
@NullMarked
package io.foothold.sampler.triton;

import org.jspecify.annotations.NullMarked;
