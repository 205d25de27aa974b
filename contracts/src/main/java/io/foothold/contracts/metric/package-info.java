/** What the services tell Prometheus: every name, once, with what it means. */
@NullMarked
package io.foothold.contracts.metric;

import org.jspecify.annotations.NullMarked;
