/** One table of error codes, translated to gRPC and HTTP in one place each. */
@NullMarked
package io.foothold.contracts.error;

import org.jspecify.annotations.NullMarked;
