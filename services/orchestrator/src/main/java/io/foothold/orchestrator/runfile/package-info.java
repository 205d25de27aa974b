/** Run files: YAML with a schema, presets, and the plan they resolve to. */
@NullMarked
package io.foothold.orchestrator.runfile;

import org.jspecify.annotations.NullMarked;
