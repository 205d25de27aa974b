/** Credit for each sampled token, and the losses built on it. */
@NullMarked
package io.foothold.core.loss;

import org.jspecify.annotations.NullMarked;
