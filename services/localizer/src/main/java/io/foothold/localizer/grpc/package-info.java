/** The edge: proto in, domain out. */
@NullMarked
package io.foothold.localizer.grpc;

import org.jspecify.annotations.NullMarked;
