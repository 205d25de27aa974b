/** What a run takes of a machine: its model, devices, sequences and memory, worked out before anything is started. */
@NullMarked
package io.foothold.cli.size;

import org.jspecify.annotations.NullMarked;
