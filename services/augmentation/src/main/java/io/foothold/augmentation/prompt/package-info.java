/** The texts around problem and prefix. */
@NullMarked
package io.foothold.augmentation.prompt;

import org.jspecify.annotations.NullMarked;
