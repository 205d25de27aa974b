/** Configuration of the service. */
@NullMarked
package io.foothold.verifier.config;

import org.jspecify.annotations.NullMarked;
