/** Configuration of the service. */
@NullMarked
package io.foothold.localizer.config;

import org.jspecify.annotations.NullMarked;
