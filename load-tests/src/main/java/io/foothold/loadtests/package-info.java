/** JMH benchmarks of what runs once a rollout or once a token on the JVM. */
@NullMarked
package io.foothold.loadtests;

import org.jspecify.annotations.NullMarked;
