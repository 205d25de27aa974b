/** The dial: a generated family of problems whose difficulty is the number of mirrors, and the sloppy author whose style the base policy imitates. */
@NullMarked
package io.foothold.augmentation.dial;

import org.jspecify.annotations.NullMarked;
