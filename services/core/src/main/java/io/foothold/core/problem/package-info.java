/** Problems and the cutting of oracle solutions into thoughts. */
@NullMarked
package io.foothold.core.problem;

import org.jspecify.annotations.NullMarked;
