/** This machine and this process: memory, encodings, devices, and where the files of the checkout lie. Knows no other room. */
@NullMarked
package io.foothold.cli.machine;

import org.jspecify.annotations.NullMarked;
