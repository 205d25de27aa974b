/** Configuration of the service. */
@NullMarked
package io.foothold.augmentation.config;

import org.jspecify.annotations.NullMarked;
