/** The edge: proto in, domain out. */
@NullMarked
package io.foothold.augmentation.grpc;

import org.jspecify.annotations.NullMarked;
