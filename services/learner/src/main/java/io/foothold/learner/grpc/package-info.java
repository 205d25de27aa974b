/** The edge: proto in, domain out. */
@NullMarked
package io.foothold.learner.grpc;

import org.jspecify.annotations.NullMarked;
