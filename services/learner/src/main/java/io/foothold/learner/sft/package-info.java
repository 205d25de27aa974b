/** Supervised fine-tuning: how base policies are bootstrapped. */
@NullMarked
package io.foothold.learner.sft;

import org.jspecify.annotations.NullMarked;
