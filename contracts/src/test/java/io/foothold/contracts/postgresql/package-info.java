/** A real PostgreSQL for tests. */
@NullMarked
package io.foothold.contracts.postgresql;

import org.jspecify.annotations.NullMarked;
