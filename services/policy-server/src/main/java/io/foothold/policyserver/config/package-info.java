/** Configuration of the service. */
@NullMarked
package io.foothold.policyserver.config;

import org.jspecify.annotations.NullMarked;
