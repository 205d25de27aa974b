/** pass@k: the unbiased estimator and the weights of its policy gradient. */
@NullMarked
package io.foothold.core.passk;

import org.jspecify.annotations.NullMarked;
