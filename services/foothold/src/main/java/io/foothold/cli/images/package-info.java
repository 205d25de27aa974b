/** Images of the services, packed without a daemon. */
@NullMarked
package io.foothold.cli.images;

import org.jspecify.annotations.NullMarked;
