/** Problem sets: generated families and JSONL files, hard-set mining, prefix search. */
@NullMarked
package io.foothold.augmentation.problems;

import org.jspecify.annotations.NullMarked;
