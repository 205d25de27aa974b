/** Configuration of the service. */
@NullMarked
package io.foothold.learner.config;

import org.jspecify.annotations.NullMarked;
