/** The torch backend: a Python worker of one or more processes, which this one starts, watches and asks over gRPC. */
@NullMarked
package io.foothold.learner.torch;

import org.jspecify.annotations.NullMarked;
