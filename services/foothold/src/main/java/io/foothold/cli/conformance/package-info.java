/** What an inference server must do, asked of it over the wire: one suite for ours and for others. */
@NullMarked
package io.foothold.cli.conformance;

import org.jspecify.annotations.NullMarked;
