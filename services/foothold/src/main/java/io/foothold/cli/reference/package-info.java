/** The reference pages of docs/, made from what the program itself holds: run-file schema, commands, error codes, metrics. */
@NullMarked
package io.foothold.cli.reference;

import org.jspecify.annotations.NullMarked;
