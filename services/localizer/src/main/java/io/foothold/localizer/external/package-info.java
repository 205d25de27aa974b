/** Asking a model that is not the policy. */
@NullMarked
package io.foothold.localizer.external;

import org.jspecify.annotations.NullMarked;
