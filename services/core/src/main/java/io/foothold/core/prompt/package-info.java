/** Prompts with placeholders. */
@NullMarked
package io.foothold.core.prompt;

import org.jspecify.annotations.NullMarked;
