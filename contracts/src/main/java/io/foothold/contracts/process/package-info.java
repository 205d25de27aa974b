/** The life of a service's process. */
@NullMarked
package io.foothold.contracts.process;

import org.jspecify.annotations.NullMarked;
