/**
 * Studies: arms times seeds, run by the product's own orchestrator, and one page that says which of a paper's signs came out. Resumable,
 * several processes beside each other.
 */
@NullMarked
package io.foothold.cli.study;

import org.jspecify.annotations.NullMarked;
