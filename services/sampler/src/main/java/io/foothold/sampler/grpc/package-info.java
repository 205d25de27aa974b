/** The edge: proto in, domain out. */
@NullMarked
package io.foothold.sampler.grpc;

import org.jspecify.annotations.NullMarked;
