/** Files that requests name: where they may lie, and how they are read. */
@NullMarked
package io.foothold.contracts.files;

import org.jspecify.annotations.NullMarked;
