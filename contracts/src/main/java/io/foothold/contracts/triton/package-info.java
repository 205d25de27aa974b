/** Tensors of the KServe v2 protocol, and the names of Foothold's tensor contract with its inference servers. */
@NullMarked
package io.foothold.contracts.triton;

import org.jspecify.annotations.NullMarked;
