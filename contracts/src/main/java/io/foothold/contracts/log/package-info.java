/** What a log line says beside its text: the ids of what it is about, and JSON where a program reads it. */
@NullMarked
package io.foothold.contracts.log;

import org.jspecify.annotations.NullMarked;
