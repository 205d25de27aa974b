/** Configuration of the service. */
@NullMarked
package io.foothold.sampler.config;

import org.jspecify.annotations.NullMarked;
