/** The demos, and how the policies that they begin with are made. */
@NullMarked
package io.foothold.cli.demo;

import org.jspecify.annotations.NullMarked;
