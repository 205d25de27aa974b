/** Measurements of engine, learner, sampler and whole runs. */
@NullMarked
package io.foothold.cli.bench;

import org.jspecify.annotations.NullMarked;
