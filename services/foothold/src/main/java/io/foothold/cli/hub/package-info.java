/**
 * Models and data sets under the names that people give them: looked for in the Hugging Face cache, else fetched into it from a hub, whole and
 * checked, at one revision.
 */
@NullMarked
package io.foothold.cli.hub;

import org.jspecify.annotations.NullMarked;
