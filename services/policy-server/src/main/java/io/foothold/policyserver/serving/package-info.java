/** The model host: one thread that owns the engine, fed by commands. */
@NullMarked
package io.foothold.policyserver.serving;

import org.jspecify.annotations.NullMarked;
