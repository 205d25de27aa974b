/** What a command has to do with the terminal or the pipeline that it was given in: its words for shells, its streams, its colours. */
@NullMarked
package io.foothold.cli.terminal;

import org.jspecify.annotations.NullMarked;
